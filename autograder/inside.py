"""The program that runs one student file in its own process: python inside.py PROBES FILE.

It sees nothing of the grader but `utils`. The answers go to standard output, as `utils.check.wire` packs them;
what the file prints goes nowhere. `autograder.solo` starts it and judges the answers.
"""

import importlib
import os
import sys
import traceback
import types


def main(probes: str, path: str) -> None:
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)

    from utils.check import probe, wire

    with open(probes, "rb") as file:
        tensors, header = wire.unpack(file.read())
    namespace, problem = load(path, header["names"])
    answers, status = {}, {}
    if problem is None:
        for name, steps in header["variants"].items():
            prefix = f"{name}/"
            inputs = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
            found, status[name] = probe.run(steps, inputs, namespace, seed=header["seed"])
            answers |= {prefix + key: tensor for key, tensor in found.items() if travels(tensor)}
    with os.fdopen(out, "wb") as file:
        file.write(wire.pack(answers, {"status": status, "problem": problem}))
        file.flush()
    os._exit(0)     # threads or exit handlers of the file's must not hold up the end


def load(path: str, names: list[str]) -> tuple[dict, dict | None]:
    """The globals of the file, run after what the notebook's first cell imports, and what is wrong with it."""
    module = types.ModuleType("answer")
    sys.modules["answer"], module.__file__ = module, path
    namespace = vars(module)
    for name, source in (("torch", "torch"), ("nn", "torch.nn"), ("F", "torch.nn.functional"), ("math", "math"),
                         ("np", "numpy")):
        namespace[name] = importlib.import_module(source)
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        return namespace, {"state": "error", "hint": f"{f'Line {line}' if line else 'The file'} cannot be read as "
                                                     f"Python: {getattr(error, 'msg', None) or error}."}
    try:
        exec(code, namespace)
    except BaseException as error:      # SystemExit, too, is something to report
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        words = f"{type(error).__name__}: {str(error)[:300]}".rstrip(": ")
        return namespace, {"state": "error", "hint": f"Running the file raised {words}"
                                                     f"{f' (line {lines[-1]})' if lines else ''}."}
    defined = [name for name, value in namespace.items() if isinstance(value, (types.FunctionType, type))
               and getattr(value, "__module__", None) == "answer" and name not in names]
    missing = [name for name in names if name not in namespace]
    if missing:
        others = f"; it defines {', '.join(defined[:10])}" if defined else ""
        return namespace, {"state": "no answers", "hint": f"The file does not define {' and '.join(missing)}{others}."}
    return namespace, None


def travels(tensor) -> bool:
    """Whether `wire` can pack it; what it cannot (sparse, quantized, without values) is as good as no answer."""
    return str(tensor.layout) == "torch.strided" and not tensor.is_quantized and tensor.device.type != "meta"


if __name__ == "__main__":
    main(*sys.argv[1:])
