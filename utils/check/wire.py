"""Tensors and a small header as bytes, and back: the only form in which inputs and answers travel.

The format is safetensors: a length, a JSON header, raw numbers. Nothing in it is ever executed.
"""

import json
import struct

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

MIME = "application/x-vae-answers"
MAX_BYTES = 32 * 2**20
MAX_HEADER = 4 * 2**20
MAX_TENSORS = 4096


class WireError(ValueError):
    """Bytes that are not a message of ours; the text says what is wrong with them."""


def pack(tensors: dict[str, torch.Tensor], header: dict) -> bytes:
    """`tensors` (any shapes and dtypes) and a JSON-able `header` as bytes."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return save(plain, metadata={"header": json.dumps(header)})


def unpack(data: bytes, max_bytes: int = MAX_BYTES) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors and the header in `data`, which may come from anyone.

    Raises WireError for everything that `pack` would not have made, before memory is taken for it.
    """
    if len(data) > max_bytes:
        raise WireError(f"{len(data):,} bytes, more than the {max_bytes:,} allowed")
    if len(data) < 8:
        raise WireError("cut off before its header")
    (size,) = struct.unpack("<Q", data[:8])
    if size > len(data) - 8:
        raise WireError("cut off inside its header")
    if size > MAX_HEADER:
        raise WireError(f"a header of {size:,} bytes, more than the {MAX_HEADER:,} allowed")
    try:
        index = json.loads(data[8:8 + size])
        header = json.loads(index.get("__metadata__", {}).get("header", "null"))
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise WireError(f"header is not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict) or len(index) > MAX_TENSORS:
        raise WireError("header is not ours")
    try:
        return load(data), header
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise WireError(f"not safetensors: {type(error).__name__}") from None
