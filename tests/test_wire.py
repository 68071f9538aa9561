"""Messages of tensors: what was packed comes back, what anyone else made is refused."""

import json
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.check import wire


def test_tensors_and_header_come_back():
    tensors = {"a/x": torch.randn(2, 3), "b": torch.arange(4), "c": torch.tensor(True), "empty": torch.zeros(0, 2)}
    found, header = wire.unpack(wire.pack(tensors, {"nonce": "n", "status": {}}))
    assert header == {"nonce": "n", "status": {}}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype


def test_views_and_gradients_are_packed_as_plain_numbers():
    x = torch.randn(3, 2, requires_grad=True)
    found, _ = wire.unpack(wire.pack({"t": x.T, "row": x[0], "expanded": x[:1].expand(4, 2)}, {}))
    assert torch.equal(found["t"], x.T) and torch.equal(found["expanded"], x[:1].expand(4, 2))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data):
    with pytest.raises(wire.WireError):
        wire.unpack(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_still_a_message(place, value):
    data = bytearray(wire.pack({"x": torch.arange(6.0)}, {"nonce": "n"}))
    data[place % len(data)] = value
    try:
        tensors, header = wire.unpack(bytes(data))
    except wire.WireError:
        return
    assert isinstance(header, dict) and all(isinstance(t, torch.Tensor) for t in tensors.values())


@pytest.mark.parametrize("data", [b"", b"1234567", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 2) + b"[]",
                                  struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 4) + b"null"])
def test_a_damaged_header_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.unpack(data)


def test_a_tensor_that_says_it_is_huge_is_refused_before_memory_is_taken():
    head = json.dumps({"__metadata__": {"header": "{}"},
                       "x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    with pytest.raises(wire.WireError):
        wire.unpack(struct.pack("<Q", len(head)) + head)


def test_too_many_bytes_are_refused():
    data = wire.pack({"x": torch.zeros(100)}, {})
    with pytest.raises(wire.WireError, match="allowed"):
        wire.unpack(data, max_bytes=100)
