"""Find out on a machine without a GPU whether code would run on one.

While the mode is active, the given inputs count as living on a GPU, and say so when they are asked for their device.
A tensor that is made without `device=`, or with that of a CPU, counts as living on the CPU, and an operation that
mixes both stops, as it would in front of a GPU; so does NumPy there. Where a tensor lives is where its memory is:
views, `.data` and what `torch.vmap` makes of it live there as well, and whatever moves is copied.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map_only

# What a tensor that lives elsewhere says about its place.
SAYS = {torch.Tensor.device.__get__: torch.device("cuda", 0), torch.Tensor.is_cuda.__get__: True,
        torch.Tensor.is_cpu.__get__: False, torch.Tensor.get_device: 0}


class Elsewhere(TorchFunctionMode):
    """`with Elsewhere(inputs) as mode: result = f(*inputs)`; `mode.holds(result)`: is it on their device?"""

    active = False      # whether any is

    def __init__(self, inputs):
        super().__init__()
        self.there = {}
        self.used = False       # whether any operation was seen: those of a scripted function are not
        for tensor in inputs:
            self._bring(tensor)

    def __enter__(self):
        self.generator, torch.Generator, Elsewhere.active = torch.Generator, CPUGenerator, True
        return super().__enter__()

    def __exit__(self, *error):
        torch.Generator, Elsewhere.active = self.generator, False
        return super().__exit__(*error)

    def follows(self, result) -> bool:
        """Whether a result is on the device of the inputs; also where nothing could be seen."""
        return not self.used or self.holds(result)

    def holds(self, tensor) -> bool:
        return _place(tensor) in self.there

    def _bring(self, tensor) -> None:
        self.there[_place(tensor)] = tensor     # kept, so that its place is not used again

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.used = True
        name = getattr(function, "__name__", "")
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        there = [tensor for tensor in tensors if self.holds(tensor)]
        here = [tensor for tensor in tensors if not self.holds(tensor) and tensor.dim() > 0]
        if there and function in SAYS:
            return SAYS[function]
        if there and name in ("numpy", "__array__"):
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                            "host memory first.")
        goal = self._goal(name, args, kwargs)
        indexed = name in ("__getitem__", "__setitem__") and self.holds(args[0])  # indices may stay on the CPU
        if there and here and goal is None and not indexed:
            raise RuntimeError("Expected all tensors to be on the same device")
        if name == "cuda":
            function, args, kwargs = torch.Tensor.cpu, args[:1], {}
        if name == "to":
            args = (args[0], *("cpu" if _is_device(value) else value for value in args[1:]))
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": "cpu"}
        result = function(*args, **kwargs)
        if goal is None:
            goal = bool(there)
        places = {_place(tensor) for tensor in tensors}

        def put(value):
            if self.holds(value) != goal and (not goal or _place(value) in places):
                value = value.clone()
            if goal:
                self._bring(value)
            return value

        if not any(isinstance(value, torch.Tensor) for value in tree_flatten(result)[0]):
            return result       # a torch.Size, say, which must stay one
        return tree_map_only(torch.Tensor, put, result)

    def _goal(self, name: str, args, kwargs) -> bool | None:
        """Whether the call says that its result shall live elsewhere; None where it says nothing."""
        if name in ("cpu", "cuda"):
            return name == "cuda"
        if name == "copy_":
            return self.holds(args[0])
        if name == "type" and len(args) > 1 and not isinstance(args[1], torch.dtype):      # torch.FloatTensor is on the CPU
            return "cuda" in str(args[1])
        for target in (*(args[1:] if name in ("to", "type_as") else ()), kwargs.get("other"), kwargs.get("device")):
            if isinstance(target, torch.Tensor) and name in ("to", "type_as"):
                return self.holds(target)
            if _is_device(target):
                return not str(target).startswith("cpu")
        return None


class CPUGenerator(torch.Generator):
    """One on any device is one on the CPU."""

    def __new__(cls, device="cpu"):
        return super().__new__(cls, "cpu")


def _is_device(value) -> bool:
    return isinstance(value, (str, torch.device)) or type(value) is int


def _place(tensor) -> tuple:
    """Where the numbers of a tensor are, or which object it is where it has none of its own (empty or sparse)."""
    while isinstance(tensor, torch.Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        address = tensor.untyped_storage().data_ptr()
    except (AttributeError, NotImplementedError, RuntimeError):
        address = 0
    return ("memory", address) if address else ("object", id(tensor))
