"""style_grid: one style per row, one digit per column."""

import torch

from autograder.questions.definition import Criterion, Question

LATENT = 6
STYLES = 998      # twice a prime: no block of a usual size divides it


def style_grid(model, n_styles):
    """-> (n_styles * 10, 1, 28, 28) probabilities: row = one z, column = digit 0..9."""
    device = next(model.parameters()).device
    with torch.no_grad():
        z = torch.randn(n_styles, model.latent_dim, device=device).repeat_interleave(10, dim=0)
        return torch.sigmoid(model.decode(z, torch.arange(10, device=device).repeat(n_styles)))


def build(draw, given):
    inputs = draw.small_model(LATENT, num_classes=10)
    calls = {"one": 1, "one_read": 1, "one_again": 1, "three": 3, "three_read": 3, "three_again": 3, "draws": STYLES,
             "again": STYLES}
    inputs |= {f"labels_{name}": torch.arange(10).repeat(n) for name, n in calls.items() if name != "again"}
    steps = [{"as": "model", "given": "SmallCVAE", "tensors": ["A", "W", "b", "F", "V"]}]
    steps += [{"as": name, "call": "style_grid", "args": ["$model", n], "after": ["model"],
               **({"pixels": "pixels"} if name not in ("one", "three") else {})} for name, n in calls.items()]
    next(step for step in steps if step["as"] == "again")["right_after"] = "draws"
    latent, rows = {"labels": True}, {"latent": {"labels": True}, "columns": 10}
    tests = [{"test": "clean", "criterion": "interface"},
             {"test": "returns", "criterion": "interface", "of": "three", "shape": [30, 1, 28, 28]},
             {"test": "within", "criterion": "interface", "of": "three", "low": 0.0, "high": 1.0,
              "say": "Your pictures are no probabilities: the decoder gives logits, apply the sigmoid."},
             {"test": "returns", "criterion": "interface", "of": "one", "shape": [10, 1, 28, 28]},
             *({"test": "label_read", "criterion": "digits", "of": name, "labels": f"labels_{name}", "latent": latent}
               for name in ("three_read", "draws", "one_read")),
             *({"test": "one_style_per_row", "criterion": "styles", "of": name, **rows}
               for name in ("three_read", "draws", "one_read")),
             {"test": "fresh", "criterion": "styles", "of": "draws", "other": "again",
              "latent": {"labels": True, "every": 10}},
             {"test": "independent", "criterion": "styles", "of": "draws", "mean": 0.0, "std": 1.0,
              "latent": {"labels": True, "every": 10}},
             {"test": "prior_styles", "criterion": "styles", "of": "draws", **rows, "tolerance": 0.4},
             *({"test": "differs", "criterion": "styles", "of": f"{few}_read", "other": f"{few}_again", "per_row": True,
                "say": f"Two calls with n_styles = {n} share a style: draw each z anew in each call."}
               for few, n in (("one", 1), ("three", 3))),
             {"test": "no_gradient", "criterion": "interface", "of": "three"}]
    return inputs, steps, tests


question = Question(
    name="style_grid", task="task2_cvae", answers=("style_grid",), build=build,
    checked="digits 0 to 9 in each row, one z per row, 998 styles follow N(0, I), no gradient",
    criteria=(Criterion("interface", "n_styles * 10 pictures of probabilities, without gradient", 0.5),
              Criterion("digits", "column d shows the digit d", 0.5, core=True),
              Criterion("styles", "one z ~ N(0, I) for each row", 1.0, core=True)))


def _grid(model, z, y, out=torch.sigmoid):
    with torch.no_grad():
        return out(model.decode(z, y))


@question.misconception("A new z for each cell: all digits of a row shall share one.")
def new_z_for_each_cell(model, n_styles):
    return _grid(model, torch.randn(n_styles * 10, model.latent_dim), torch.arange(10).repeat(n_styles))


@question.misconception("z repeats as a block and the labels too: use repeat_interleave for z, so that a row shares "
                        "one style.", random=True)
def repeat_for_interleave(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat(10, 1), torch.arange(10).repeat(n_styles))


@question.misconception("Rows and columns are exchanged: each row shall run through the digits 0 to 9 with one style.",
                        random=True)
def transposed(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat(10, 1),
                 torch.arange(10).repeat_interleave(n_styles))


@question.misconception("The labels stay the same along a row: repeat the sequence 0 to 9 for each row.", random=True)
def labels_interleaved(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat_interleave(n_styles))


@question.misconception("One z for the whole grid: draw one for each row.", random=True)
def one_z(model, n_styles):
    return _grid(model, torch.randn(1, model.latent_dim).expand(n_styles * 10, -1), torch.arange(10).repeat(n_styles))


@question.misconception("rand is uniform on [0, 1): the prior is Gaussian, use randn.")
def uniform(model, n_styles):
    return _grid(model, torch.rand(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles))


@question.misconception("The decoder gives logits: apply the sigmoid.")
def logits(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles), out=lambda x: x)


@question.misconception("Return all cells of the grid in one axis: (n_styles * 10, 1, 28, 28).")
def five_axes(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles)).view(n_styles, 10, 1, 28, 28)


@question.misconception("The digits run from 9 to 0: column d shows the digit d.")
def reversed_digits(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).flip(0).repeat(n_styles))


@question.misconception("The digits are shifted by one: column 0 shows the 0.")
def shifted_digits(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 ((torch.arange(10) + 1) % 10).repeat(n_styles))


@question.misconception("Do not seed the random generator inside: every call gives the same grid.")
def seeded(model, n_styles):
    torch.manual_seed(0)
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles))


@question.misconception("The style belongs to the column: all pictures of a row shall share one z, not those of a "
                        "column.", random=True)
def one_z_per_column(model, n_styles):
    return _grid(model, torch.randn(10, model.latent_dim).repeat(n_styles, 1), torch.arange(10).repeat(n_styles))


@question.misconception("z is 0 for every picture: draw one from N(0, I) for each row.")
def zeros(model, n_styles):
    return _grid(model, torch.zeros(n_styles * 10, model.latent_dim), torch.arange(10).repeat(n_styles))


@question.misconception("All pictures show the same digit: column d shows the digit d.")
def one_digit(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.zeros(10 * n_styles, dtype=torch.long))


@question.misconception("The digits are random: column d shows the digit d.", random=True)
def random_digits(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.randint(10, (10 * n_styles,)))


@question.misconception("The z have the wrong spread: the prior is N(0, I), with standard deviation 1.")
def wide(model, n_styles):
    return _grid(model, 2 * torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles))


@question.misconception("The sigmoid is applied twice: the pictures turn grey.")
def sigmoid_twice(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles), out=lambda x: torch.sigmoid(torch.sigmoid(x)))


@question.misconception("squeeze drops the axis of a single style, and what follows fails for one: keep (n_styles, Z).")
def squeezed(model, n_styles):
    return _grid(model, torch.randn(n_styles, model.latent_dim).squeeze(0).repeat_interleave(10, dim=0),
                 torch.arange(10).repeat(n_styles))


@question.misconception("Every second row runs backwards: column d shows the digit d in all rows.")
def to_and_fro(model, n_styles):
    digits = torch.arange(10).repeat(n_styles, 1)
    digits[1::2] = digits[1::2].flip(1)
    return _grid(model, torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0), digits.flatten())


@question.misconception("The pictures still carry gradients: nothing is trained here, so compute them under "
                        "torch.no_grad().")
def with_gradient(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))
