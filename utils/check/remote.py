"""The kernel's side of grading: run the student's answers on the inputs that came, and send them back."""

import contextlib
import io

from utils.check import probe, wire

REQUEST = '__import__("utils.check.remote", fromlist=["answer"]).answer(globals())'     # a grader's cell
UNPACKABLE = (TypeError, ValueError, RuntimeError, KeyError)    # what sparse, quantized and the like raise


def answer(namespace: dict) -> None:
    """Probe the answers in `namespace` (the notebook's globals) and publish what they return, as one display.

    Beside the request come the bytes of `wire.pack(inputs, header)`, with inputs named "variant/name" and
    header = {"nonce": str, "seed": int, "variants": {variant: steps}}.
    Published: the answers, named alike, with the header {"nonce": str, "status": {variant: {step: facts}}}.
    """
    from IPython import get_ipython

    tensors, header = wire.unpack(b"".join(get_ipython().kernel.get_parent()["buffers"]))
    answers, status = {}, {}
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        for variant, steps in header["variants"].items():
            prefix = f"{variant}/"
            inputs = {name.removeprefix(prefix): value
                      for name, value in tensors.items() if name.startswith(prefix)}
            found, status[variant] = probe.run(steps, inputs, namespace, header["seed"])
            answers |= {prefix + name: value for name, value in found.items()}
    header = {"nonce": header["nonce"], "status": status}
    try:
        message = wire.pack(answers, header)
    except UNPACKABLE:
        message = wire.pack({name: value for name, value in answers.items() if _travels(value)}, header)
    publish(message)


def publish(message: bytes) -> None:
    """Send a packed message as a display of the type wire.MIME, whose bytes come beside it: as text they would be slow."""
    from IPython import get_ipython

    publisher = get_ipython().display_pub
    publisher.session.send(publisher.pub_socket, "display_data", {"data": {wire.MIME: ""}, "metadata": {}},
                           parent=publisher.parent_header, ident=publisher.topic, buffers=[message])


def _travels(tensor) -> bool:
    try:
        wire.pack({"": tensor}, {})
    except UNPACKABLE:
        return False
    return True


class _Nowhere(io.TextIOBase):
    """What answers print while they are graded is nobody's business, and could be endless."""

    def writable(self):
        return True

    def write(self, text):
        return len(text)
