"""What a probe collects, and what it leaves behind."""

import copy
import linecache

import pytest
import torch
from torch import nn

from utils.check import probe
from utils.check.adam import Adam

X = torch.tensor([[1.0, -2.0], [0.5, 3.0]])


def run(function, *steps, inputs=None, **options):
    steps = steps or ({"as": "a", "call": "f", "args": ["$x"], "grad": ["x"]},)
    return probe.run(list(steps), {"x": X.clone()} if inputs is None else inputs, {"f": function, **options})


def test_answers_are_outputs_and_gradients():
    answers, status = run(lambda x: x.square().sum(1))
    assert torch.equal(answers["a"], X.square().sum(1)) and torch.equal(answers["a.grad.x"], 2 * X)
    assert status["a"]["state"] == "ok" and status["a"]["parts"][0]["shape"] == [2]


def test_parts_of_a_tuple_are_named():
    answers, status = run(lambda x: (x, [1], x + 1))
    assert status["a"]["kind"] == "tuple of 3" and {"a.0", "a.2"} <= answers.keys() and "a.1" not in answers


def test_an_input_that_was_changed_is_told_and_later_steps_get_the_original():
    steps = [{"as": name, "call": "f", "args": ["$x"]} for name in ("a", "b")]
    answers, _ = run(lambda x: x.add_(1), *steps)
    assert torch.equal(answers["a.after.x"], X + 1) and torch.equal(answers["b"], X + 1)


def test_the_seed_the_dtype_and_the_grad_mode_of_the_notebook_stay_as_they_were():
    def f(x):
        torch.manual_seed(3)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return x

    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    _, status = run(f)
    assert status["a"]["seeded"] and status["a"]["dtype_changed"]
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("gpu", [False, True])
def test_seeds_are_those_of_torch_with_and_without_a_gpu(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        expected = torch.randn(3)
        probe._seed(7)
        assert torch.equal(torch.randn(3), expected)


def test_a_seed_gives_the_same_draws_and_no_seed_gives_others():
    steps = [{"as": "a", "call": "f", "args": ["$x"]}]
    a, b = (probe.run(steps, {"x": X}, {"f": torch.randn_like}, seed=5)[0]["a"] for _ in range(2))
    c, d = (probe.run(steps, {"x": X}, {"f": torch.randn_like})[0]["a"] for _ in range(2))
    assert torch.equal(a, b) and not torch.equal(c, d)


@pytest.mark.parametrize("error", [SystemExit(0), ValueError("bad"), RecursionError(), MemoryError(), GeneratorExit()])
def test_whatever_is_raised_becomes_a_status(error):
    def f(x):
        raise error

    answers, status = run(f)
    assert not answers and status["a"]["state"] == "error" and status["a"]["error"] == type(error).__name__


def test_the_students_own_line_is_told():
    names = {}
    exec(compile("def f(x):\n    y = x + 1\n    return y @ y.T @ y.T\n", "<cell>", "exec"), names)
    linecache.cache["<cell>"] = (0, None, ["def f(x):\n", "    y = x + 1\n", "    return y @ y.T @ y.T\n"], "<cell>")
    _, status = probe.run([{"as": "a", "call": "f", "args": ["$x"]}], {"x": torch.ones(2, 3)}, names)
    assert status["a"]["line"] == "return y @ y.T @ y.T" and status["a"]["lineno"] == 3


def test_a_stub_is_not_attempted_and_an_error_of_the_same_kind_elsewhere_is_one():
    names = {}
    exec("def stub(x):\n    raise NotImplementedError\ndef f(x):\n    return stub(x)\ndef g(x):\n    return x.missing()\n",
         names)
    _, status = probe.run([{"as": f"of {name}", "call": name, "args": ["$x"]} for name in ("f", "g")], {"x": X}, names)
    assert status["of f"]["state"] == "not attempted" and status["of f"]["function"] == "stub"
    assert status["of g"]["state"] == "error"


class Liar(torch.Tensor):
    shape = (7, 7)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.zeros(2)


class Pretender:
    __class__ = torch.Tensor
    shape = (2,)
    requires_grad = False


def test_a_tensor_subclass_is_taken_by_its_numbers():
    answers, status = run(lambda x: (x + 1).detach().as_subclass(Liar))
    assert torch.equal(answers["a"], X + 1) and type(answers["a"]) is torch.Tensor
    assert status["a"]["parts"][0]["shape"] == [2, 2]


def test_an_object_that_lies_about_its_class_is_no_tensor():
    answers, status = run(lambda x: Pretender())
    assert not answers and status["a"]["kind"] == "Pretender"


def test_a_huge_result_is_told_and_not_kept():
    answers, status = run(lambda x: x.sum().expand(10**6, 10**6))
    assert not answers and status["a"]["parts"][0]["too_large"]


@pytest.mark.parametrize("result", [torch.eye(3).to_sparse(), torch.zeros(2, device="meta")])
def test_a_tensor_without_numbers_is_no_answer(result):
    answers, status = run(lambda x: result)
    assert not answers and "tensor" in status["a"]["parts"][0]["kind"]


def test_inference_tensors_and_numpy_arrays_can_be_read():
    answers, _ = run(torch.inference_mode()(lambda x: x + 1))
    assert torch.equal(answers["a"] + 0, X + 1)
    answers, status = run(lambda x: x.detach().numpy() * 2)
    assert torch.equal(answers["a"], 2 * X) and status["a"]["kind"] == "ndarray"


def test_stand_ins_are_there_for_a_step_and_gone_after_it():
    mine = object()
    seen = {}
    namespace = {"kl_divergence": mine, "f": lambda x: seen.setdefault("kl", namespace["kl_divergence"]) and x}
    step = {"as": "a", "call": "f", "args": ["$x"], "standins": ["kl_divergence", "one_hot"]}
    probe.run([step], {"x": X}, namespace)
    assert seen["kl"] is not mine and namespace["kl_divergence"] is mine and "one_hot" not in namespace


def test_stand_ins_are_gone_after_an_error_too():
    def f(x):
        raise KeyboardInterrupt

    namespace = {"f": f}
    with pytest.raises(KeyboardInterrupt):
        probe.run([{"as": "a", "call": "f", "args": ["$x"], "standins": ["one_hot"]}], {"x": X}, namespace)
    assert "one_hot" not in namespace


def test_bound_objects_count_before_the_namespace():
    answers, _ = probe.run([{"as": "a", "call": "f", "args": ["$x"]}], {"x": X}, {"f": None}, bound={"f": torch.neg})
    assert torch.equal(answers["a"], -X)


def test_steps_after_a_failed_one_are_skipped():
    _, status = run(None, {"as": "m", "new": "f"}, {"as": "a", "call": "m.encode", "args": ["$x"]},
                    {"as": "z", "draw": ["$a.0", "$a.1"]}, {"as": "p", "push": "m.encode", "args": ["$x"]},
                    {"as": "b", "blank": "m", "module": "Embedding"}, {"as": "k", "modules": "m"})
    assert status["m"]["state"] == "error"
    assert {status[name]["state"] for name in ("a", "z", "p", "b", "k")} == {"skipped"}


def test_a_push_finds_what_no_weights_can_reach():
    steps = [{"as": "m", "new": "f"}, {"as": "p", "push": "m.forward", "args": ["$x"], "sign": -1, "until": 3.0},
             {"as": "a", "call": "m", "args": ["$x"], "after": ["p"]}]
    free, _ = run(lambda: nn.Linear(2, 3), *steps)
    bound, _ = run(lambda: nn.Sequential(nn.Linear(2, 3), nn.Softplus()), *steps)
    assert free["a"].mean() < -2.9 and bound["a"].mean() > 0


def test_adam_is_torchs_to_the_last_bit():
    """Also where a weight is left out of some steps, or of all."""
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.unused = nn.Linear(2, 5), nn.Linear(5, 1), nn.Linear(2, 2)

        def loss(self, update):
            return (self.second(self.first(X)) if update % 3 else self.first(X)).square().mean()

    ours = Model()
    theirs = copy.deepcopy(ours)
    for model, optimizer in ((ours, Adam(ours.parameters(), 0.01)),
                             (theirs, torch.optim.Adam(theirs.parameters(), lr=0.01, fused=True))):
        for update in range(20):
            optimizer.zero_grad()
            model.loss(update).backward()
            optimizer.step()
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_adam_refuses_what_torchs_does():
    with pytest.raises(ValueError, match="empty parameter list"):
        Adam([], 0.01)
    model = nn.Embedding(3, 2, sparse=True)
    model(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse gradients"):
        Adam(model.parameters(), 0.01).step()


def test_a_shaken_model_starts_nowhere_at_0_and_frozen_weights_stay():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.lazy, self.zero = nn.LazyLinear(3), nn.Linear(2, 3)
            self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)
            nn.init.zeros_(self.zero.weight)

        def encode(self, x):
            return self.zero(x) - self.zero.bias, self.frozen, self.lazy(x)

        def forward(self, x):
            self.lazy(x)
            raise NotImplementedError

    steps = [{"as": "m", "new": "M", "shake": ["$x"]}, {"as": "a", "call": "m.encode", "args": ["$x"]}]
    answers, status = probe.run(steps, {"x": X.clone()}, {"M": Model})
    assert status["m"]["state"] == "ok"
    assert answers["a.0"].abs().min() > 1e-4 and not answers["a.1"].any() and answers["a.2"].shape == (2, 3)
