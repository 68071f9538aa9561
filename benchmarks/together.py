"""Is it faster to train several models together? CPU seconds for an epoch of 60,000 pictures and one model.

    MNIST_ROOT=... OMP_NUM_THREADS=1 python benchmarks/together.py [--steps 20] [--models 2 5 10 30]

One model with `fit`, against so many models whose parameters are stacked (torch.func.stack_module_state), run
under vmap and stepped by one fused Adam; each model with batches of its own, or all with the same. 784-400-2,
batch 128. Prints a markdown table; the choice of `experiments/runs.py` comes from it.
"""

import argparse
from pathlib import Path
import sys
import time

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch.func import functional_call, stack_module_state, vmap

from autograder.questions.vae import VAE
from experiments.models import objective
from utils import fit, load_mnist

BATCH, EPOCH = 128, 60_000


def alone(train, test, steps):
    some, few = train.take(BATCH * steps), test.take(2)
    model = VAE(2)
    fit(model, some, few, objective(), epochs=1, progress=False)
    return per_epoch(lambda: fit(model, some, few, objective(), epochs=1, progress=False), steps)


def together(train, models, shared, steps):
    params = {name: value.detach().requires_grad_()
              for name, value in stack_module_state([VAE(2) for _ in range(models)])[0].items()}
    skeleton = VAE(2).to("meta")
    adam = torch.optim.Adam(params.values(), lr=1e-3, fused=True)

    def loss(params, x):
        return objective()(lambda x: functional_call(skeleton, params, (x,)), x, None)["total"]

    losses = vmap(loss, in_dims=(0, None if shared else 0), randomness="different")

    def step():
        x, _ = train.batch(torch.randint(len(train), (BATCH if shared else models * BATCH,)))
        adam.zero_grad()
        losses(params, x if shared else x.view(models, BATCH, 1, 28, 28)).sum().backward()
        adam.step()

    step()
    return per_epoch(lambda: [step() for _ in range(steps)], steps * models)


def per_epoch(work, steps):
    start = time.process_time()
    work()
    return (time.process_time() - start) / steps * EPOCH / BATCH


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--models", type=int, nargs="*", default=[2, 5, 10, 30])
    chosen = parser.parse_args()
    train, test = load_mnist()
    torch.set_flush_denormal(True)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| models | own batches | the same batches |\n|---|---|---|")
    for models in chosen.models:
        own, same = (together(train, models, shared, chosen.steps) for shared in (False, True))
        print(f"| {models} together | {own:.2f} | {same:.2f} |", flush=True)
    print(f"| 1, with fit | {alone(train, test, chosen.steps):.2f} | |")


if __name__ == "__main__":
    main()
