"""Run a student's answer on given inputs and collect what it returns, as data. No verdict is made here.

A probe is a list of *steps* and a dictionary of input tensors. A step is a plain dictionary:

    {"as": "a", "call": "kl_divergence", "args": ["$mu", "$logvar"], "grad": ["mu"], "weights": "w"}
    {"as": "n", "call": "active_units", "args": ["$codes"], "numbers": True}
    {"as": "m", "new": "CVAE", "args": [3], "kwargs": {"num_classes": 12}, "shake": ["$x", "$y"]}
    {"as": "e", "call": "m.encode", "args": ["$x"], "mode": "eval"}
    {"as": "z", "draw": ["$e.0", "$e.1"], "rows": "order"}

With "numbers", numbers that the call returns are answers too; with "no_grad", no gradients are recorded; with
"noise" the call draws the noise of that seed; with "grey" torch.distributions take any value; with "times" the call is
made that often, and the last one counts; with "shake" a new model is called once with these arguments, and its
weights are moved; with "tap": "decode" the answer "e.handed" is what a called model handed to its own decode, if it
called that once.
"$mu" stands for an input or for the result of an earlier step ("$e.0" is its first part).
The answers of step "a" are the tensors "a" (or "a.0", "a.1" for a tuple), "a.grad.mu" for the gradient
of sum(weights * output) with respect to the input mu, "a.after.mu" for an input that the call changed,
and a status with the facts that are no tensors.
"""

import contextlib
import inspect
import linecache
import math
import time
import traceback

import torch
from torch import nn

from utils.check.adam import Adam
from utils.check.elsewhere import Elsewhere
from utils.check.models import GIVEN_MODELS
from utils.check.standins import LIBRARY, STANDINS, in_place

MAX_ELEMENTS = 4_000_000
MAX_PARTS = 100      # of a tuple or list; more are counted only
MAX_TEXT = 500
NOISE = 65537        # numbers that weights are moved by, over and over: a prime, so that no two rows or layers get the same
# Kept from the time of import: a check should not break because a cell re-bound torch.randn.
_Tensor = torch.Tensor


class Skip(Exception):
    """A step that cannot run because an earlier one gave no usable result."""


def run(steps: list[dict], inputs: dict[str, _Tensor], namespace: dict, seed: int | None = None,
        bound: dict | None = None) -> tuple[dict, dict]:
    """Answers (name -> tensor) and status (step -> dict) of all `steps`, in their order.

    `namespace` is the notebook's global dictionary, in which the student's names are looked up and stand-ins are
    put for a while. `bound`: objects that some names mean, whatever the namespace says (check was handed them).
    `seed` fixes torch's random numbers (a re-run of a grading gives the same draws); None: fresh ones.
    """
    known: dict = {**inputs, **(bound or {})}
    answers: dict[str, _Tensor] = {}
    status: dict[str, dict] = {}
    dtype = torch.get_default_dtype()
    grad_mode = torch.is_grad_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.seed() if seed is None else _seed(seed)
        made = {step["as"] for step in steps}
        for step in steps:
            started = time.perf_counter()
            with _standins(step.get("standins", ()), LIBRARY if step.get("library") else STANDINS, namespace):
                status[step["as"]] = _run_step(step, known, inputs, answers, namespace, made)
            status[step["as"]]["seconds"] = round(time.perf_counter() - started, 4)
            if torch.get_default_dtype() != dtype:
                status[step["as"]]["dtype_changed"] = True
                torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad_mode)
    return answers, status


def _run_step(step, known, inputs, answers, namespace, made) -> dict:
    seed = torch.initial_seed()
    try:
        target = step.get("call", "").split(".")[0]
        if target in made and target not in known:  # a variable of the notebook may have the same name
            raise Skip(f"{target} gave no result")
        facts = _do(step, known, inputs, answers, namespace)
    except Skip as skip:
        return {"state": "skipped", "message": str(skip)}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and the like are answers too
        facts = _describe(error, namespace)
    if torch.initial_seed() != seed:
        facts["seeded"] = True
        _seed(seed)
    return facts


def _do(step, known, inputs, answers, namespace) -> dict:
    name = step["as"]
    if "given" in step:
        known[name] = GIVEN_MODELS[step["given"]](*(known[tensor] for tensor in step["tensors"]))
        return {"state": "ok"}
    if "new" in step:
        model = _lookup(step["new"], known, namespace)(*step.get("args", ()), **step.get("kwargs", {}))
        known[name] = model
        if "shake" in step and isinstance(model, nn.Module):
            _shake(model, [_input(argument, inputs) for argument in step["shake"]])
        return {"state": "ok", "is_module": isinstance(model, nn.Module)}
    if "train" in step:
        return _train(step, known, inputs, namespace)
    if "push" in step:
        return _push(step, known, inputs)
    if "draw" in step:
        if not {name[1:] for name in step["draw"]} <= known.keys():
            raise Skip(f"{step['draw'][0][1:].split('.')[0]} gave no result")
        mu, logvar = (known[part[1:]] for part in step["draw"])
        if "rows" in step:
            mu, logvar = mu[inputs[step["rows"]]], logvar[inputs[step["rows"]]]
        std = (logvar / 2).exp() if step.get("std") is None else torch.full_like(mu, step["std"])
        known[name] = (mu + std * torch.randn(mu.shape).to(mu)).detach()
        return {"state": "ok"}
    for what in ("blank", "modules"):
        if what in step and step[what] not in known:
            raise Skip(f"{step[what]} gave no result")
    if "blank" in step:
        return _blank(known[step["blank"]], step["module"])
    if "upsample" in step:
        from utils.data import upsample

        known[name] = upsample(inputs[step["upsample"]])
        return {"state": "ok"}
    if "modules" in step:
        return {"state": "ok", "modules": sorted({cls.__name__ for module in known[step["modules"]].modules()
                                                  for cls in type(module).__mro__})[:200]}
    return _call(step, known, inputs, answers, namespace)


def _call(step, known, inputs, answers, namespace) -> dict:
    name = step["as"]
    function = _lookup(step["call"], known, namespace)
    _set_mode(step, known)
    leaves = {key: inputs[key].clone().requires_grad_() for key in step.get("grad", ())}
    passed, lists = {}, []

    def value(argument):
        if not (isinstance(argument, str) and argument.startswith("$")):
            if not isinstance(argument, list):
                return argument
            lists.append((list(argument), argument))    # a copy, which may be changed in place
            return lists[-1][0]
        key = argument[1:].partition("*")[0]
        if key not in known:
            raise Skip(f"{key.split('.')[0]} gave no result")
        if key in inputs:
            # a clone, so that a change in place reaches neither the leaf nor a later step
            passed[key] = leaves[key].clone() if key in leaves else inputs[key].clone()
            return passed[key] if argument == f"${key}" else _input(argument, passed)
        return known[key]

    grad = not step.get("no_grad")
    with torch.set_grad_enabled(grad):
        args = [value(argument) for argument in step.get("args", ())]
        kwargs = {key: value(argument) for key, argument in step.get("kwargs", {}).items()}
        if step.get("elsewhere"):
            with Elsewhere(passed.values()) as elsewhere, _picked_there(namespace):
                result = function(*args, **kwargs)
            return {"state": "ok", "follows": elsewhere.follows(result)}
        trainable = _trainable(args)
        for _ in range(1, step.get("times", 1)):
            function(*args, **kwargs)
        with _tap(function, step.get("tap")) as handed, _noise(step.get("noise")), _grey(step.get("grey")):
            result = function(*args, **kwargs)
        if len(handed) == 1:
            _keep(handed[0], f"{name}.handed", step, known, answers)
        if inspect.iscoroutine(result):
            result.close()  # never awaited: no warning about it
        facts = {"state": "ok", "kind": _kind(result)}
        if torch.is_grad_enabled() != grad or _trainable(args) != trainable:
            facts["untrainable"] = True
        parts = _parts(result)
        facts["parts"] = []
        for index, part in enumerate(parts[:MAX_PARTS]):
            key = f"{name}.{index}" if _is_sequence(result) else name
            facts["parts"].append(_keep(part, key, step, known, answers))
        if any(list(map(id, given)) != list(map(id, as_it_was)) for given, as_it_was in lists):
            facts["changed"] = True
        for key, tensor in passed.items():
            if not _same(tensor, inputs[key]):
                answers[f"{name}.after.{key}"] = tensor.detach().cpu().clone()
        if leaves and facts["parts"] and "shape" in facts["parts"][0] and not facts["parts"][0].get("too_large"):
            model = known.get(step["call"].split(".")[0])
            tensors = [_as_tensor(part) for part in parts]
            _gradients(step, tensors, leaves, inputs, answers, facts, model)
            if step.get("through") and isinstance(model, nn.Module) and tensors[0].requires_grad:
                facts["stuck"] = _is_stuck(model, tensors, lambda: function(*args, **kwargs))
    return facts


def _input(argument: str, inputs: dict) -> _Tensor:
    """The input that "$x" means; "$x*400" is the one row of x, 400 times."""
    key, _, times = argument[1:].partition("*")
    return inputs[key].repeat(int(times), *[1] * (inputs[key].dim() - 1)) if times else inputs[key].clone()


@contextlib.contextmanager
def _tap(model, method: str | None):
    """A list of what the calls of `model.method` were handed first, or as z."""
    handed = []
    if not isinstance(model, nn.Module) or not method or method in vars(model):
        yield handed
        return
    own = getattr(model, method)

    def tapped(*args, **kwargs):
        handed.append(args[0] if args else kwargs.get("z"))
        return own(*args, **kwargs)

    object.__setattr__(model, method, tapped)
    try:
        yield handed
    finally:
        vars(model).pop(method, None)


def _picked_there(namespace: dict):
    """The notebook's `device` is a GPU for a while, as `pick_device` would have found it there."""
    own = namespace.get("device")
    return _put(namespace, {"device": torch.device("cuda")} if isinstance(own, torch.device) else {})


@contextlib.contextmanager
def _noise(seed: int | None):
    """The noise of this seed, whatever was drawn before."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        _seed(seed)
        yield


def _seed(seed: int) -> None:
    """torch.manual_seed. Where there is no GPU to seed as well, without its note of who asked: that takes milliseconds."""
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@contextlib.contextmanager
def _grey(allowed: bool | None):
    """Distributions look at their arguments no closer than asked to: grey pixels pass for Bernoulli variables."""
    usual = torch.distributions.Distribution._validate_args
    torch.distributions.Distribution.set_default_validate_args(usual and not allowed)
    try:
        yield
    finally:
        torch.distributions.Distribution.set_default_validate_args(usual)


def _trainable(arguments) -> list[bool]:
    """For each parameter of the modules among `arguments`, whether gradients are recorded for it."""
    return [parameter.requires_grad for module in arguments if isinstance(module, nn.Module)
            for parameter in module.parameters()]


def _blank(model, kind: str) -> dict:
    """Set the weights of all modules of one kind ("Embedding") to 0: what they did shows in what is missing."""
    with torch.no_grad():
        for module in model.modules():
            if any(cls.__name__ == kind for cls in type(module).__mro__):
                for parameter in module.parameters(recurse=False):
                    parameter.zero_()
    return {"state": "ok"}


def _keep(part, key: str, step: dict, known: dict, answers: dict) -> dict:
    """Store one returned value under `key`; returns the facts about it."""
    facts = {"kind": _kind(part)}
    tensor = _as_tensor(_number(part) if step.get("numbers") else part)
    if tensor is None:
        return facts
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        return {"kind": f"{tensor.device.type if tensor.is_meta else tensor.layout} tensor".removeprefix("torch.")}
    facts |= {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape),
              "requires_grad": bool(tensor.requires_grad)}
    known[key] = tensor
    plain = tensor.detach()
    if "pixels" in step and plain.dim() >= 2 and plain.shape[1:].numel() == 784:
        plain = plain.flatten(1).index_select(1, known[step["pixels"]])
    if plain.numel() > MAX_ELEMENTS:
        facts["too_large"] = True
    elif not step.get("forget"):
        answers[key] = plain.cpu().clone()
    return facts


def _gradients(step, parts, leaves, inputs, answers, facts, model) -> None:
    """Gradients of sum(weights * output) with respect to each leaf; a missing one is left out.

    "row": of that row alone, and with respect to what is returned beside the output as well.
    """
    output = parts[0][step["row"]] if "row" in step else parts[0]
    if not output.requires_grad or not output.is_floating_point():
        facts["detached"] = [0]
        return
    weights = inputs[step["weights"]].flatten() if "weights" in step else torch.ones(1)
    flat = output.flatten()
    weights = weights.repeat(math.ceil(flat.numel() / weights.numel()))[:flat.numel()].to(flat.device)
    total = (flat * weights).sum()
    beside = {index: part for index, part in enumerate(parts[:MAX_PARTS])
              if index and part is not None and part.requires_grad}
    if step.get("through"):  # do the values returned beside the first one lead to it?
        found = torch.autograd.grad(total, list(beside.values()), retain_graph=True, allow_unused=True) if beside else ()
        facts["through"] = [_shares_weights(total, part, [other for other in beside.values() if other is not part])
                            if gradient is None else bool(gradient.abs().sum() > 0)
                            for part, gradient in zip(beside.values(), found)]
        facts["detached"] = [index for index, part in enumerate(parts) if part is not None and not part.requires_grad]
        own = [*leaves.values(), *(model.parameters() if isinstance(model, nn.Module) else ())]
        ends = _leaves(parts)
        facts["strangers"] = sum(not any(leaf is one for one in own) for leaf in ends)
        facts["trained"] = sorted({cls.__name__ for module in (model.modules() if isinstance(model, nn.Module) else ())
                                   if any(leaf is one for one in module.parameters(recurse=False) for leaf in ends)
                                   for cls in type(module).__mro__})[:200]
    if "row" in step:
        leaves = leaves | beside
    gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    for key, gradient in zip(leaves, gradients):
        if gradient is not None:
            answers[f"{step['as']}.grad.{key}"] = gradient.detach().cpu()


def _shares_weights(total, part, others) -> bool:
    """Whether weights that `part` depends on, and none of the `others`, have a gradient of `total`, too.

    So it is where sigma is computed first, and logvar from it. True where there are no such weights.
    """
    weights = _leaves([part])

    def moved(output):
        gradients = torch.autograd.grad(output.sum(), weights, retain_graph=True, allow_unused=True)
        return [torch.zeros_like(weight, dtype=torch.bool) if gradient is None else gradient != 0
                for weight, gradient in zip(weights, gradients)]

    own = moved(part)
    for other in others:
        own = [one & ~its for one, its in zip(own, moved(other))]
    return not any(one.any() for one in own) or any((one & its).any() for one, its in zip(own, moved(total)))


def _is_stuck(model: nn.Module, outputs: list, call) -> bool:
    """Whether parameters that can be trained, and get no gradient, change what the model returns all the same."""
    def returned():
        with _noise(0), torch.no_grad():
            return _as_tensor(_parts(call())[0])

    ends = _leaves(outputs)
    stuck = [parameter for parameter in model.parameters() if parameter.requires_grad
             and not nn.parameter.is_lazy(parameter) and not any(parameter is end for end in ends)]
    if not stuck:
        return False
    before, kept = returned(), [parameter.detach().clone() for parameter in stuck]
    if not _same(returned(), before):       # it keeps something, or draws noise of its own
        return False
    with torch.no_grad():
        for parameter in stuck:
            parameter.add_(torch.randn(parameter.shape).to(parameter), alpha=0.1)
        try:
            return not _same(returned(), before)
        finally:
            for parameter, value in zip(stuck, kept):
                parameter.copy_(value)


def _leaves(tensors) -> list[_Tensor]:
    """The tensors that gradients of `tensors` end in."""
    waiting = [tensor.grad_fn for tensor in tensors if tensor is not None]
    seen, found = set(), []
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            found += [node.variable] if hasattr(node, "variable") else []
            waiting += [following for following, _ in node.next_functions]
    return found


def _shake(model: nn.Module, arguments: list) -> None:
    """Move all weights that can be trained a little, as a first training step would: some may start at 0."""
    model.eval()
    noise, used = torch.randn(NOISE), 0
    with torch.no_grad():
        with contextlib.suppress(BaseException):    # it is told where a step asks for what it computes
            model(*arguments)  # lazily built layers exist from here on
        for parameter in model.parameters():
            if parameter.requires_grad and not nn.parameter.is_lazy(parameter):
                inward, size = parameter[0].numel() if parameter.dim() > 1 else 10, parameter.numel()
                move = noise.repeat(1 + (used + size) // NOISE)[used:used + size].view(parameter.shape)
                parameter.add_(move.to(parameter), alpha=0.3 / math.sqrt(inward))
                used = (used + size) % NOISE


def _push(step, known, inputs) -> dict:
    """Train a model for a few steps so that its outputs fall (sign -1) or rise (+1), until their means are there
    ("until": one number, or one for each output) or have moved that far ("by").

    What no weights can reach (a negative logvar behind a softplus) shows itself this way.
    """
    name, _, method = step["push"].partition(".")
    if name not in known:
        raise Skip(f"{name} gave no result")
    model, arguments = known[name], [known[key[1:]].clone() for key in step["args"]]     # of later steps, too
    target = getattr(model, method)
    model.eval()
    with torch.enable_grad():
        target(*arguments)  # lazily built layers exist from here on
        parameters = [p for p in model.parameters() if p.requires_grad and not torch.nn.parameter.is_lazy(p)]
        if not parameters:
            return {"state": "ok", "idle": True}
        optimizer = Adam(parameters, 0.001)
        best, since = -math.inf, 0
        for update in range(200):
            outputs = [part for part in map(_as_tensor, _parts(target(*arguments))) if part is not None]
            means = [step["sign"] * output.mean() for output in outputs]
            if update == 0:
                idle = not any(mean.requires_grad for mean in means)
                until = step.get("until")
                ends = (until if isinstance(until, list) else [until] * len(means) if "by" not in step else
                        [mean.item() + step["by"] for mean in means])
            far = [mean for mean, end in zip(means, ends) if mean.requires_grad and not mean.item() > end]
            reached = sum(min(mean.item(), end) for mean, end in zip(means, ends))
            if reached > best + 0.01:
                best, since = reached, update
            if not far or update - since > 80:  # there, or as far as it gets
                break
            optimizer.zero_grad()
            (-sum(far)).backward()
            optimizer.step()
            # from small steps to larger ones: wide networks do not overshoot, narrow ones get there
            optimizer.rate = min(1.1 * optimizer.rate, 0.05)
        optimizer.zero_grad()       # the next one needs as much memory
    return {"state": "ok", "idle": idle}


def _train(step, known, inputs, namespace) -> dict:
    """Micro-training: Adam on small images; keeps the trained model.

    "updates" of them, and where the loss of the last 25 still is above "slow", more of them, at most "longest".
    """
    from utils.data import upsample

    model = _lookup(step["train"], known, namespace)(**step["kwargs"])
    images = upsample(inputs[step["images"]])
    labels = inputs.get(step.get("labels"))
    loss = _lookup(step["loss"], known, namespace) if isinstance(step["loss"], str) else None
    model.train()
    with torch.enable_grad():
        optimizer, losses = None, []
        for update in range(step["longest"]):
            if update >= step["updates"] and update % 25 == 0 and not sum(losses[-25:]) / 25 > step["slow"]:
                break
            rows = torch.randint(len(images), (step["batch"],))
            x = images[rows]
            logits, mu, logvar = model(x) if labels is None else model(x, labels[rows])
            if loss is not None:
                total = loss(logits, x, mu, logvar)
            else:
                total = _negative_elbo(logits, x, mu, logvar)
            if optimizer is None:  # after the first call, so that lazily built layers exist
                optimizer = Adam(model.parameters(), step["lr"])
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            losses.append(float(total.detach()))
    known[step["as"]] = model
    return {"state": "ok", "loss": losses[-1]}


def _negative_elbo(logits, x, mu, logvar) -> _Tensor:
    """Negative ELBO in nats per image, for models whose loss is given (Task 2)."""
    with in_place({"reconstruction_loss", "kl_divergence"}):
        return (LIBRARY["reconstruction_loss"](logits, x) + LIBRARY["kl_divergence"](mu, logvar)).mean()


def _lookup(path: str, known: dict, namespace: dict):
    """The object that `path` ("VAE", "m.encode") names."""
    first, *rest = path.split(".")
    if first in known:
        value = known[first]
    elif first in namespace:
        value = namespace[first]
    else:
        raise NameError(f"name '{first}' is not defined", name=first)
    for attribute in rest:
        value = getattr(value, attribute)
    return value


def _set_mode(step: dict, known: dict) -> None:
    if "mode" in step:
        model = known.get(step["call"].split(".")[0])
        if isinstance(model, nn.Module):
            model.train(step["mode"] == "train")


@contextlib.contextmanager
def _standins(names, among: dict, namespace: dict):
    """Put stand-ins in place of the student's own earlier answers while a step runs."""
    with _put(namespace, {name: among[name] for name in names}), in_place(names):
        yield


@contextlib.contextmanager
def _put(namespace: dict, values: dict):
    """These values under their names for a while, and what was there before afterwards."""
    missing = object()
    own = {name: namespace.get(name, missing) for name in values}
    namespace.update(values)
    try:
        yield
    finally:
        for name, value in own.items():
            if value is missing:
                namespace.pop(name, None)
            else:
                namespace[name] = value


def _is_sequence(value) -> bool:
    return issubclass(type(value), (tuple, list))


def _parts(result) -> list:
    return list(result) if _is_sequence(result) else [result]


def _kind(value) -> str:
    """What a value is. By its type alone: an object may lie about its class."""
    if issubclass(type(value), _Tensor):
        return "tensor"
    if _is_sequence(value):     # a named tuple, too
        return f"{'tuple' if issubclass(type(value), tuple) else 'list'} of {len(_parts(value))}"
    return type(value).__name__[:60]


def _as_tensor(value):
    """`value` as a plain tensor where it is one or a NumPy array, else None."""
    if issubclass(type(value), _Tensor):
        if type(value) is _Tensor:
            return value
        with torch._C.DisableTorchFunctionSubclass():  # its numbers, not what its methods say about them
            return _Tensor.as_subclass(value, _Tensor)
    if type(value).__module__ == "numpy" and type(value).__name__ == "ndarray" and value.dtype.kind in "fiub":
        return torch.as_tensor(value)
    return None


def _number(value):
    """A Python or NumPy number as a tensor, anything else as it is."""
    if type(value) in (int, float) or type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
        return torch.tensor(value) if type(value) in (int, float) and abs(value) < 2 ** 53 else value
    return value


def _same(tensor: _Tensor, original: _Tensor) -> bool:
    return tensor.shape == original.shape and torch.equal(tensor.detach().to(original), original)


def _describe(error: BaseException, namespace: dict) -> dict:
    """The error as the student should read it: message, and their own innermost line."""
    facts = {"state": "error", "error": type(error).__name__, "message": str(error)[:MAX_TEXT]}
    if isinstance(error, NameError) and getattr(error, "name", None):
        facts["name"] = str(error.name)
    own = [(frame, lineno) for frame, lineno in traceback.walk_tb(error.__traceback__)
           if frame.f_globals is namespace]
    if own:
        frame, lineno = own[-1]
        line = linecache.getline(frame.f_code.co_filename, lineno, frame.f_globals).strip()
        facts |= {"line": line[:200], "lineno": lineno, "function": frame.f_code.co_name}
        innermost = list(traceback.walk_tb(error.__traceback__))[-1][0]
        if isinstance(error, NotImplementedError) and innermost is frame:
            facts["state"] = "not attempted"
            owner = frame.f_locals.get("self")
            facts["function"] = type(owner).__name__ if isinstance(owner, nn.Module) else facts["function"]
    return facts
