"""Find out on a machine without a GPU whether code would run on one.

While the mode is active, the given inputs count as living on another device. A tensor that is made
without `device=` counts as living on the CPU, and an operation that mixes both stops, as it would in
front of a GPU. Where a tensor lives is where its memory is: views, `.data` and what `torch.vmap` makes of it
live there as well.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten


class Elsewhere(TorchFunctionMode):
    """`with Elsewhere(inputs) as mode: result = f(*inputs)`; `mode.holds(result)`: is it on their device?"""

    def __init__(self, inputs):
        super().__init__()
        self.there = {}
        self.used = False       # whether any operation was seen: those of a scripted function are not
        for tensor in inputs:
            self._bring(tensor)

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
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        there = [tensor for tensor in tensors if self.holds(tensor)]
        here = [tensor for tensor in tensors if not self.holds(tensor) and tensor.dim() > 0]
        result = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        moved = kwargs.get("device") is not None or name == "type_as" or name == "to" and any(
            isinstance(value, (torch.device, str, torch.Tensor)) for value in args[1:])
        indexed = name in ("__getitem__", "__setitem__") and self.holds(args[0])  # indices may stay on the CPU
        if there and here and not moved and not indexed:
            raise RuntimeError("Expected all tensors to be on the same device")
        if (there or moved) and name != "cpu":
            for value in tree_flatten(result)[0]:
                if isinstance(value, torch.Tensor):
                    self._bring(value)
        return result


def _place(tensor) -> tuple:
    """Where the numbers of a tensor are, or which object it is where it has none of its own (an empty or sparse one)."""
    while isinstance(tensor, torch.Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        address = tensor.untyped_storage().data_ptr()
    except (AttributeError, NotImplementedError, RuntimeError):
        address = 0
    return ("memory", address) if address else ("object", id(tensor))
