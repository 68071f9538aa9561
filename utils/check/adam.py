"""Adam, for models that a check trains."""

import torch
from torch.optim.adam import adam


class Adam:
    """`torch.optim.Adam(parameters, rate, fused=True)`, to the last bit, with torch's own function for the numbers.

    torch's class imports torch.compile when it is first used: a second, and 80 MB, for kernels that compile nothing.
    Raises ValueError without parameters, RuntimeError in `step` where a gradient is sparse.
    """

    def __init__(self, parameters, rate: float):
        self.parameters, self.rate = list(parameters), rate
        self._state: dict = {}      # number of a parameter -> means of its gradient and the gradient's square, steps
        if not self.parameters:
            raise ValueError("optimizer got an empty parameter list")

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        trained = [(number, one) for number, one in enumerate(self.parameters) if one.grad is not None]
        if any(parameter.grad.is_sparse for _, parameter in trained):
            raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")
        for number, parameter in trained:
            if number not in self._state:
                steps = torch.zeros((), dtype=torch.float32, device=parameter.device)
                self._state[number] = torch.zeros_like(parameter), torch.zeros_like(parameter), steps
        state = [self._state[number] for number, _ in trained]
        adam([parameter for _, parameter in trained], [parameter.grad for _, parameter in trained],
             *([one[part] for one in state] for part in range(2)), [], [steps for *_, steps in state], fused=True,
             amsgrad=False, beta1=0.9, beta2=0.999, lr=self.rate, weight_decay=0.0, eps=1e-8, maximize=False)
