"""Training with a progress bar, and the history that it leaves."""

from contextlib import contextmanager
from dataclasses import dataclass, field
import math
import sys
import time

import torch

_TOGETHER = 500  # images at once; their activations fit a CPU's cache


@dataclass
class History:
    """Means per image and epoch, in nats: `train["total"][3]` is the fourth epoch's.

    The names are those that the objective returned. The train values are means over the epoch, while the
    model still changed; the test values are of the whole test set after the epoch, with sampled z.
    """

    train: dict = field(default_factory=dict)
    test: dict = field(default_factory=dict)
    seconds: list = field(default_factory=list)

    @property
    def epochs(self):
        return len(self.seconds)

    def _add(self, train, test, seconds):
        for record, values in ((self.train, train), (self.test, test)):
            for name, value in values.items():
                record.setdefault(name, []).append(value)
        self.seconds.append(seconds)


def fit(
    model, train, test, objective, epochs=10, batch_size=128, lr=1e-3, seed=0,
    compile=False, bfloat16=False, graph=False, progress=True, after_epoch=None,
):
    """Train `model` with Adam and return its History; the model is left in eval mode.

    `train` and `test` are ImageSets on the model's device. `objective(model, x, y)` returns a dict of scalar
    tensors: "total" is minimised, the others are recorded. `seed` fixes order and noise; torch's own random
    state is left as it was.

    `compile` runs the objective through torch.compile. Two more are for CUDA and do nothing elsewhere:
    `bfloat16` trains in mixed precision; `graph` replays the training step as a CUDA graph, for an objective
    that does the same at each step and never reads a number from the device.

    `after_epoch(model, history)` is called at the end of each epoch, to look at the model on its way.

    Raises ValueError for an objective that cannot be trained, FloatingPointError where the loss is not a
    number.
    """
    device = train.images.device
    on_cuda = device.type == "cuda"
    if compile:
        objective = torch.compile(objective)
    order = torch.Generator().manual_seed(seed)
    history = History()
    with torch.random.fork_rng([device] if on_cuda else []), _no_denormals():
        names = _first_look(model, train, test, objective)
        torch.manual_seed(seed)
        step = _Step(model, train, objective, names, lr, bfloat16 and on_cuda)
        if graph and on_cuda:
            step = _Graph(step, batch_size)
        with _Bar(epochs, math.ceil(len(train) / batch_size), progress) as bar:
            for _ in range(epochs):
                start = time.perf_counter()
                model.train()
                sums = torch.zeros(len(names), device=device)
                seen = 0
                for index in torch.randperm(len(train), generator=order).to(device).split(batch_size):
                    sums.add_(step(index), alpha=len(index))
                    seen += len(index)
                    bar.step(sums, seen)
                means = dict(zip(names, (sums / seen).tolist()))
                history._add(means, evaluate(model, test, objective), time.perf_counter() - start)
                bar.epoch(history)
                if not math.isfinite(means["total"]):
                    raise FloatingPointError(
                        f"The loss is {means['total']} in epoch {history.epochs}: look for the logarithm of 0 "
                        "or the exponential of a large number, or lower lr."
                    )
                if after_epoch:
                    after_epoch(model, history)
    model.eval()
    return history


@torch.no_grad()
def evaluate(model, images, objective):
    """Means per image over all of an ImageSet, as a dict of floats, in eval mode; z is sampled by the
    model.
    """
    was_training = model.training
    model.eval()
    sums = {}
    for x, y in images.batches(_TOGETHER, shuffle=False):
        for name, value in objective(model, x, y).items():
            sums[name] = sums.get(name, 0) + value * len(x)
    model.train(was_training)
    return {name: (value / len(images)).item() for name, value in sums.items()}


def distance_to_prior(z):
    """How far the codes z (N, Z) of all images together are from the prior, in nats.

    KL(N(m, S) to N(0, I)) with m and S the mean and covariance of z:
    (trace S + m.m - Z - log det S) / 2. Infinite where the codes fill fewer than Z dimensions.
    """
    z = torch.as_tensor(z).detach().double().cpu()
    if z.ndim != 2 or len(z) < 2:
        raise ValueError(f"z must be (N, Z) with at least two rows, not {tuple(z.shape)}.")
    mean, covariance = z.mean(0), torch.atleast_2d(torch.cov(z.T))
    distance = (covariance.trace() + mean @ mean - z.shape[1] - torch.logdet(covariance)) / 2
    return distance.item() if torch.isfinite(distance) else math.inf


@contextmanager
def _no_denormals():
    """Numbers below 1e-38 count as 0. Pixels that are nearly always white leave such numbers in Adam's
    averages, and CPUs are slow with them: after four epochs a step of Adam took 2.1 ms in place of 0.6.
    """
    before = (torch.tensor([1e-39]) * 0.5).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _first_look(model, train, test, objective):
    """Run the objective once, so that layers that are built when first used exist; return the recorded
    names.
    """
    model.eval()
    with torch.no_grad():
        values = objective(model, *train.batch(torch.arange(min(2, len(train)), device=train.images.device)))
    if not isinstance(values, dict) or "total" not in values:
        raise ValueError('The objective must return a dict with a "total", the scalar to minimise.')
    for name, value in values.items():
        if not torch.is_tensor(value) or value.ndim:
            raise ValueError(f'The objective\'s "{name}" must be a scalar tensor: the mean over the batch.')
    places = {str(parameter.device) for parameter in model.parameters()}
    if not places:
        raise ValueError("The model has no parameters to train.")
    if places | {str(test.images.device)} != {str(train.images.device)}:
        raise ValueError(
            f"Model ({', '.join(sorted(places))}), train ({train.images.device}) and test "
            f"({test.images.device}) must be on one device: model.to(device), load_images(device=device)."
        )
    return sorted(values, key="total".__ne__)  # "total" first


class _Step:
    """One step of the optimiser on the images at an index; returns the recorded values (K,), on the
    device.
    """

    def __init__(self, model, images, objective, names, lr, bfloat16):
        self.model, self.images, self.objective, self.names = model, images, objective, names
        self.bfloat16 = bfloat16
        kind = images.images.device.type
        fused = kind in ("cuda", "cpu")
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=fused, capturable=kind == "cuda")

    def __call__(self, index):
        x, y = self.images.batch(index)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bfloat16):
            values = self.objective(self.model, x, y)
        if not values["total"].requires_grad:
            raise ValueError('The objective\'s "total" does not depend on the parameters: was it detached?')
        values["total"].backward()
        self.optimizer.step()
        return torch.stack([values[name].detach().float() for name in self.names])


class _Graph:
    """A step that is recorded once as a CUDA graph and then replayed: one launch instead of dozens.

    The first steps run as usual, on a stream of their own, as capturing asks for (torch.cuda.graph, notes).
    A batch of another size, the last of an epoch, always runs as usual.
    """

    def __init__(self, step, batch_size, warm=3):
        self.step, self.warm = step, warm
        self.index = torch.zeros(batch_size, dtype=torch.long, device=step.images.images.device)
        self.stream = torch.cuda.Stream()
        self.graph = None

    def __call__(self, index):
        if len(index) != len(self.index):
            return self.step(index)
        self.index.copy_(index)
        if self.warm:
            self.warm -= 1
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                values = self.step(self.index)
            torch.cuda.current_stream().wait_stream(self.stream)
            return values
        if self.graph is None:
            self.step.optimizer.zero_grad(set_to_none=True)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.values = self.step(self.index)
        self.graph.replay()
        return self.values


class _Bar:
    """One bar for the whole training. It reads a number from the device four times a second, not at every
    step.
    """

    def __init__(self, epochs, steps, show):
        from tqdm import tqdm

        self.epochs, self.read = epochs, time.monotonic()
        self.bar = tqdm(
            total=epochs * steps, disable=not show, file=sys.stdout, mininterval=0.25,
            desc=f"epoch 1/{epochs}",
            bar_format="{desc} |{bar:24}| {elapsed}<{remaining}{postfix}",
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.bar.close()

    def step(self, sums, seen):
        self.bar.update()
        if not self.bar.disable and time.monotonic() - self.read > 0.25:
            self.read = time.monotonic()
            self.bar.set_postfix_str(f"train {sums[0].item() / seen:.1f}", refresh=False)

    def epoch(self, history):
        now = min(history.epochs + 1, self.epochs)
        self.bar.set_description_str(f"epoch {now}/{self.epochs}", refresh=False)
        train, test = history.train["total"][-1], history.test["total"][-1]
        self.bar.set_postfix_str(f"train {train:.1f}, test {test:.1f}")
