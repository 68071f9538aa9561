"""Which device to compute on."""

import os

import torch


def pick_device(name=None):
    """The fastest device there is: CUDA, then Apple's MPS, then the CPU; prints what it found.

    `name`, or else the environment variable VAE_DEVICE, overrides the choice ("cpu", "cuda", "cuda:1",
    "mps"). Returns a `torch.device`. Raises ValueError where the named device is unknown or not available.
    """
    wanted = name or os.environ.get("VAE_DEVICE", "").strip()
    device = _named(wanted) if wanted else torch.device(_fastest())
    print(f"Device: {device} ({_describe(device)})")
    return device


def _fastest():
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _named(wanted):
    advice = f"Use one of {', '.join(_available())}, or leave VAE_DEVICE unset to choose by itself."
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise ValueError(f"VAE_DEVICE={wanted!r} is not the name of a device. {advice}") from None
    if device.type not in _available() or (device.index or 0) >= max(1, torch.cuda.device_count()):
        raise ValueError(f"The device {wanted!r} is not available here. {advice}")
    return device


def _available():
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind, there in found.items() if there]


def _describe(device):
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"{threads} thread{'s' if threads > 1 else ''}"
