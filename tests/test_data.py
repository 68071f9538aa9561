import os
import socket
import threading
import time

import pytest
import torch

from utils import ImageSet, data, load_digits, load_images, load_mnist, upsample

NAMES = [name for names in data._FILES.values() for name in names]


def write_mnist(folder, n_train=50, n_test=20):
    """Tiny idx files in the format of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for train, n in ((True, n_train), (False, n_test)):
        images, labels = data._FILES[train]
        pixels = bytes((i * 7 + p) % 256 for i in range(n) for p in range(784))
        header = b"".join(number.to_bytes(4, "big") for number in (0x803, n, 28, 28))
        (folder / images).write_bytes(header + pixels)
        header = (0x801).to_bytes(4, "big") + n.to_bytes(4, "big")
        (folder / labels).write_bytes(header + bytes(i % 10 for i in range(n)))
    return folder


@pytest.fixture
def root(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    return tmp_path


@pytest.fixture
def no_mnist(tmp_path, monkeypatch):
    """No MNIST named, none in the cache, and no server that answers."""
    monkeypatch.delenv("MNIST_ROOT", raising=False)
    monkeypatch.delenv("VAE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "_MIRRORS", ("http://127.0.0.1:9/",))
    return tmp_path


# ---------------------------------------------------------------- reading MNIST


def test_images_and_labels_have_the_promised_form(root):
    train, test = load_mnist(root)
    assert train.images.shape == (50, 1, 28, 28) and len(test) == 20
    assert train.images.dtype == torch.float32 and train.labels.dtype == torch.int64
    assert train.images[1, 0, 0, 0].item() == pytest.approx(7 / 255)
    assert train.labels[:12].tolist() == [*range(10), 0, 1]
    assert 0 <= train.images.min() and train.images.max() <= 1


@pytest.mark.parametrize("inside", ["MNIST/raw", "raw", "."])
def test_the_folder_may_hold_the_files_at_any_of_the_usual_depths(tmp_path, inside):
    write_mnist(tmp_path / inside)
    assert len(load_mnist(tmp_path)[0]) == 50


def test_the_environment_names_the_folder(root, monkeypatch):
    monkeypatch.setenv("MNIST_ROOT", str(root))
    assert len(load_mnist()[1]) == 20


def test_a_read_only_folder_is_read(root):
    folders = [root / "MNIST" / "raw", root / "MNIST", root]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert len(load_mnist(root)[0]) == 50
    finally:
        for folder in reversed(folders):
            folder.chmod(0o755)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_named(root, name):
    path = root / "MNIST" / "raw" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{name} has .* bytes, but .*again"):
        load_mnist(root)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", bytes(5000), b"\x1f\x8b" + bytes(100)])
def test_a_file_that_is_something_else_is_named(root, content):
    (root / "MNIST" / "raw" / NAMES[0]).write_bytes(content)
    with pytest.raises(ValueError, match=f"{NAMES[0]} is not a file of MNIST"):
        load_mnist(root)


def test_a_missing_file_is_named(root):
    (root / "MNIST" / "raw" / NAMES[3]).unlink()
    with pytest.raises(FileNotFoundError, match=NAMES[3]):
        load_mnist(root)


def test_labels_of_another_set_are_refused(root):
    write_mnist(root / "other", n_train=49)
    os.replace(root / "other" / NAMES[1], root / "MNIST" / "raw" / NAMES[1])
    with pytest.raises(ValueError, match="50 images, but .* 49 labels"):
        load_mnist(root)


def test_a_folder_without_mnist_says_what_it_must_hold(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        load_mnist(tmp_path)


@pytest.mark.skipif("MNIST_ROOT" not in os.environ, reason="set MNIST_ROOT to a folder that holds MNIST")
def test_the_real_files():
    train, test = load_mnist()
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9] and test.labels[:3].tolist() == [7, 2, 1]
    assert train.images.mean().item() == pytest.approx(0.1307, abs=1e-4)


# ---------------------------------------------------------------- downloading MNIST


def test_without_network_it_says_what_to_do_and_leaves_nothing(no_mnist):
    with pytest.raises(data.NoNetwork, match="MNIST_ROOT.*load_digits"):
        load_mnist()
    assert not list((no_mnist / "cache").rglob("*ubyte*"))


def test_a_server_that_never_answers_does_not_hang(no_mnist, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(data, "_MIRRORS", (f"http://127.0.0.1:{silent.getsockname()[1]}/",))
        monkeypatch.setattr(data, "_ANSWER_SECONDS", 0.5)
        start = time.monotonic()
        with pytest.raises(data.NoNetwork):
            load_mnist()
    assert time.monotonic() - start < 20


def test_a_name_that_is_looked_up_forever_does_not_hang(no_mnist, monkeypatch):
    release = threading.Event()

    def slow(*args, **options):
        release.wait(60)
        raise OSError("no such name")

    monkeypatch.setattr(data, "urlopen", slow)
    monkeypatch.setattr(data, "_ANSWER_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(data.NoNetwork):
        load_mnist()
    release.set()
    assert time.monotonic() - start < 20


def test_nothing_is_downloaded_when_that_is_not_wanted(no_mnist):
    with pytest.raises(FileNotFoundError, match="download=False"):
        load_mnist(download=False)


def downloads(monkeypatch, n=50):
    import torchvision

    real = torchvision.datasets.MNIST

    class Fake(real):
        def __init__(self, root, train=True, download=False):
            if download:
                calls.append(root)
                write_mnist(data.Path(root) / "MNIST" / "raw", n_train=n)
            else:
                super().__init__(root, train)

    calls = []
    monkeypatch.setattr(data, "_reachable", lambda: True)
    monkeypatch.setattr(torchvision.datasets, "MNIST", Fake)
    return calls


def test_a_download_is_kept(no_mnist, monkeypatch):
    calls = downloads(monkeypatch)
    assert len(load_mnist()[0]) == len(load_mnist()[0]) == 50
    assert len(calls) == 1
    assert [path.name for path in (no_mnist / "cache" / "vae-exercise").iterdir()] == ["MNIST"]


def test_a_damaged_download_is_replaced(no_mnist, monkeypatch):
    calls = downloads(monkeypatch)
    load_mnist()
    (no_mnist / "cache" / "vae-exercise" / "MNIST" / "raw" / NAMES[0]).write_bytes(b"half")
    assert len(load_mnist()[0]) == 50 and len(calls) == 2


def test_a_cache_that_cannot_be_written_says_what_to_do(no_mnist, monkeypatch):
    downloads(monkeypatch)
    (no_mnist / "cache").write_text("a file where the folder should be")
    with pytest.raises(PermissionError, match="XDG_CACHE_HOME"):
        load_mnist()


def test_load_images_goes_on_with_digits_and_says_so(no_mnist, capsys):
    assert load_images()[0].name == "digits train"
    assert capsys.readouterr().out.count("\n") == 1


def test_load_images_obeys_the_environment(no_mnist, monkeypatch):
    monkeypatch.setenv("VAE_DATA", "mnist")
    with pytest.raises(data.NoNetwork):
        load_images()
    monkeypatch.setenv("VAE_DATA", "cifar")
    with pytest.raises(ValueError, match="mnist or digits"):
        load_images()


def test_load_images_does_not_hide_a_damaged_file(root, monkeypatch):
    monkeypatch.setenv("MNIST_ROOT", str(root))
    monkeypatch.delenv("VAE_DATA", raising=False)
    (root / "MNIST" / "raw" / NAMES[0]).write_bytes(b"half")
    with pytest.raises(ValueError, match="again"):
        load_images()


# ---------------------------------------------------------------- scikit-learn's digits


def test_the_digits_are_split_once_and_for_all():
    train, test = load_digits()
    assert (len(train), len(test)) == (1437, 360)
    assert torch.equal(train.images, load_digits()[0].images)
    assert train.images.shape[1:] == (1, 28, 28) and 0 <= train.images.min() and train.images.max() <= 1
    assert torch.unique(torch.cat([train.images, test.images]).flatten(1), dim=0).shape[0] == 1797


def test_the_digits_are_read_from_their_file_or_through_scikit_learn(monkeypatch):
    images, labels = data.small_digits()
    monkeypatch.setattr(data.importlib.util, "find_spec", lambda name: None)
    for one, other in zip(data.small_digits(), (images, labels)):
        assert one.dtype == other.dtype and torch.equal(one, other)
    assert images.shape == (1797, 8, 8) and images.max() == 16 and labels.unique().tolist() == list(range(10))


def test_the_split_is_stratified():
    train, test = load_digits()
    share = test.labels.bincount() / (train.labels.bincount() + test.labels.bincount())
    assert (share - 0.2).abs().max() < 0.005


def test_upsampling_keeps_range_and_layout():
    corner = torch.zeros(1, 8, 8)
    corner[0, 0, 7] = 16
    large = upsample(corner)
    assert large.shape == (1, 1, 28, 28) and large.dtype == torch.float32
    assert large[0, 0, 0, 27] == 1 and large[0, 0, 27].sum() == 0


# ---------------------------------------------------------------- ImageSet


@pytest.fixture
def ten():
    return ImageSet(torch.arange(10.0).view(10, 1, 1, 1).expand(10, 1, 28, 28) / 10, torch.arange(10) % 3)


def test_batches_hold_each_image_once_with_its_label(ten):
    batches = list(ten.batches(4))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    x, y = (torch.cat(part) for part in zip(*batches))
    place = (x[:, 0, 0, 0] * 10).round().long()
    assert sorted(place.tolist()) == list(range(10)) and torch.equal(y, place % 3)


def test_a_generator_fixes_the_order(ten):
    def order(seed):
        return [y.tolist() for _, y in ten.batches(3, generator=torch.Generator().manual_seed(seed))]

    assert order(1) == order(1) != order(2)
    assert torch.equal(next(ten.batches(10, shuffle=False))[1], ten.labels)


def test_take_and_of_digit_choose_images(ten):
    assert len(ten.take(4)) == 4 and len(ten.take(40)) == 10
    assert torch.equal(ten.take(4, seed=3).images, ten.take(4, seed=3).images)
    assert ten.of_digit(0).images[:, 0, 0, 0].mul(10).round().tolist() == [0, 3, 6, 9]


def test_binarizing_draws_new_pixels_with_the_grey_value_as_probability():
    grey = ImageSet(torch.full((200, 1, 28, 28), 0.3), torch.zeros(200, dtype=torch.long), binarize=True)
    (first, _), (second, _) = next(grey.batches(200)), next(grey.batches(200))
    assert set(first.unique().tolist()) == {0, 1} and not torch.equal(first, second)
    assert first.mean().item() == pytest.approx(0.3, abs=0.01)
