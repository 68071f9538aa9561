"""What a question is. Everything else about it (checks, keys, feedback, documentation) follows."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from utils.check.verdict import Criterion

__all__ = ["Criterion", "Draw", "Misconception", "Question"]


@dataclass(frozen=True)
class Misconception:
    """A named wrong answer, in one form or several, and the sentence that a student who gave it should read.

    random: its values change from call to call, so it is recognised by what its runs have in common.
    """

    name: str
    hint: str
    answers: list
    random: bool = False


@dataclass
class Question:
    """One graded stub, defined once.

    name: the grade id. task: the notebook. answers: the student's names that the check receives, the
    question's own first. calls: earlier answers that this one may use, replaced by stand-ins in a second
    look so that their errors are not carried forward (singly: also each alone, where an answer may call
    one and write out the other; library: by what torch.distributions says, with which training works, and which is
    tried three times).
    build(draw, given) returns (inputs, steps, tests) for `utils.check.probe` and `utils.check.verdict`;
    `given` is True where there are stand-ins.
    checked: what the green line says. extra: points beyond the task's total.
    The reference is the object of the question's own name in the module that defines it.
    """

    name: str
    task: str
    answers: tuple[str, ...]
    checked: str
    criteria: tuple[Criterion, ...]
    build: Callable
    calls: tuple[str, ...] = ()
    singly: bool = False
    library: bool = False
    extra: bool = False
    misconceptions: list[Misconception] = field(default_factory=list)

    @property
    def points(self) -> float:
        return sum(criterion.points for criterion in self.criteria)

    @property
    def looks(self) -> dict[str, tuple[str, ...]]:
        """Each look at an answer: its name -> the earlier answers that stand-ins replace."""
        looks = {"own": (), "given": self.calls} if self.calls else {"own": ()}
        if self.library:        # one training of a right model in twenty gets stuck: two more
            looks |= {"given again": self.calls, "given once more": self.calls}
        return looks | {f"given {name}": (name,) for name in self.calls if self.singly}

    @property
    def namespace(self) -> dict:
        """The globals of the reference: those of the module that `build` stands in."""
        return vars(sys.modules[self.build.__module__])

    def misconception(self, hint: str, random: bool = False):
        """Decorator: the function or class is a wrong answer that earns this hint."""
        def register(answer):
            self.misconceptions.append(Misconception(answer.__name__, hint, [answer], random))
            return answer
        return register

    def also(self, name: str):
        """Decorator: another form of the misconception `name`, which earns the same hint."""
        def register(answer):
            next(m for m in self.misconceptions if m.name == name).answers.append(answer)
            return answer
        return register


class Draw:
    """Random inputs from one seed, the same on every machine."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.generator)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator)

    def signed(self, *shape: int, low: float = 0.3, high: float = 1.8) -> torch.Tensor:
        """Both signs, no entry near 0: magnitudes uniform in [low, high], signs alternating at random.

        Wrong formulas agree with right ones where mu and logvar are 0 or 1, so these values are avoided.
        """
        size = self.uniform(*shape, low=low, high=high)
        size = torch.where((size - 1).abs() < 0.05, size + 0.1, size)
        sign = torch.ones(size.numel())
        sign[1::2] = -1
        if torch.rand((), generator=self.generator) < 0.5:
            sign = -sign
        return size * sign.reshape(shape)

    def images(self, n: int) -> torch.Tensor:
        """(n, 1, 28, 28) grey pictures in [0, 1]: smooth blobs, no two alike, neither binary nor empty."""
        coarse = self.uniform(n, 1, 7, 7)
        smooth = torch.nn.functional.interpolate(coarse, size=(28, 28), mode="bilinear", align_corners=False)
        return (1.6 * smooth - 0.3).clamp(0, 1)

    def labels(self, n: int, num_classes: int = 10) -> torch.Tensor:
        return torch.randint(num_classes, (n,), generator=self.generator)

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def permutation(self, n: int) -> torch.Tensor:
        return torch.randperm(n, generator=self.generator)

    def small_model(self, latent_dim: int, num_classes: int | None = None) -> dict[str, torch.Tensor]:
        """The weights of utils.check.models.SmallVAE (SmallCVAE with `num_classes`), and `pixels`:
        a choice of pixels from which z and label can be read back. Four are nearly black or white: bounds show there."""
        weights = {"A": self.normal(784, latent_dim) / 20, "W": self.normal(latent_dim, 784) / (2 * latent_dim ** 0.5),
                   "b": self.normal(784) / 4, "pixels": self.permutation(784)[:latent_dim + 6]}
        if num_classes:
            weights |= {"F": self.normal(num_classes, latent_dim), "V": self.normal(num_classes, 784) / 2,
                        "pixels": self.permutation(784)[:latent_dim + num_classes + 10]}
        weights["b"][weights["pixels"][:4]] = torch.tensor([2.8, -2.8, 2.8, -2.8])
        return weights
