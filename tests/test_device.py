import pytest
import torch

from utils import pick_device


@pytest.fixture(autouse=True)
def only_a_cpu(monkeypatch):
    monkeypatch.delenv("VAE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_cpu_is_there_and_is_named(capsys):
    assert pick_device() == torch.device("cpu")
    said = capsys.readouterr().out
    assert said.startswith("Device: cpu (") and said.count("\n") == 1


def test_cuda_comes_before_mps_and_mps_before_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device().type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert pick_device().type == "cuda"


def test_the_environment_overrides(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setenv("VAE_DEVICE", "cpu")
    assert pick_device().type == "cpu"


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps", "gpu", "cpu:x", "meta"])
def test_a_device_that_is_not_there_says_what_to_use(monkeypatch, name):
    monkeypatch.setenv("VAE_DEVICE", name)
    with pytest.raises(ValueError, match="Use one of cpu"):
        pick_device()


def test_a_second_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="cuda:1"):
        pick_device("cuda:1")
