"""Images of digits, read once into memory and onto the device."""

from dataclasses import dataclass, replace
import importlib.util
import math
import os
from pathlib import Path
import shutil
import socket
import tempfile
import threading
import time
from urllib.request import Request, urlopen

import numpy as np
import torch
import torch.nn.functional as F

_FILES = {
    True: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    False: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
_ANSWER_SECONDS = 10


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images (N, 1, 28, 28), float32 in [0, 1], with labels (N,), int64, both on one device.

    With `binarize`, each batch draws its pixels afresh as 0 or 1 with the grey value as probability
    (dynamic binarization; Salakhutdinov and Murray 2008).
    """

    images: torch.Tensor
    labels: torch.Tensor
    name: str = "images"
    binarize: bool = False

    def __len__(self):
        return len(self.images)

    def batch(self, index):
        """The images and labels at `index` (B,), as (B, 1, 28, 28) and (B,)."""
        x = self.images.index_select(0, index)
        return (torch.bernoulli(x) if self.binarize else x), self.labels.index_select(0, index)

    def batches(self, batch_size, shuffle=True, generator=None):
        """Batches (x, y) that together hold each image once; the last may be smaller.

        `generator` is a CPU generator for the order; without one, torch's global generator is used.
        """
        order = torch.randperm(len(self), generator=generator) if shuffle else torch.arange(len(self))
        for index in order.to(self.images.device).split(batch_size):
            yield self.batch(index)

    def take(self, n, seed=0):
        """`n` different images (all, where there are fewer), chosen at random by `seed`."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:n]
        return self._at(order.to(self.images.device))

    def of_digit(self, digit):
        """The images of one digit."""
        return self._at((self.labels == digit).nonzero().squeeze(1))

    def _at(self, index):
        return replace(self, images=self.images[index], labels=self.labels[index])


def load_images(device="cpu", binarize=False):
    """(train, test) of MNIST where it can be had, else of scikit-learn's digits, with one line that says so.

    The environment variable VAE_DATA ("mnist" or "digits") decides instead.
    """
    wanted = os.environ.get("VAE_DATA", "").strip().lower()
    if wanted not in ("", "mnist", "digits"):
        raise ValueError(f"VAE_DATA={wanted!r}: use mnist or digits, or leave it unset.")
    if wanted == "digits":
        return load_digits(device=device, binarize=binarize)
    try:
        return load_mnist(device=device, binarize=binarize)
    except NoNetwork:
        if wanted == "mnist":
            raise
        print("MNIST is not here and cannot be downloaded: going on with scikit-learn's 1,797 digits.")
        return load_digits(device=device, binarize=binarize)


# ---------------------------------------------------------------- scikit-learn's digits


def load_digits(device="cpu", binarize=False):
    """(train, test) of scikit-learn's 1,797 handwritten digits at 28 x 28: 1,437 and 360 images.

    They need no download. The split is fixed: of each digit, every fifth image is for the test.
    """
    images_8x8, labels = small_digits()
    images = upsample(images_8x8)
    by_digit = labels.sort(stable=True).indices
    place = torch.arange(len(labels))
    parts = by_digit[place % 5 != 0].sort().values, by_digit[place % 5 == 0].sort().values
    return tuple(
        ImageSet(images[part].to(device), labels[part].to(device), f"digits {which}", binarize)
        for part, which in zip(parts, ("train", "test"))
    )


def small_digits():
    """The same as they are: images (1797, 8, 8), uint8 from 0 to 16, and labels (1797,), int64."""
    package = importlib.util.find_spec("sklearn")
    file = package and Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if file and file.is_file():     # to import scikit-learn takes a second
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    else:
        from sklearn.datasets import load_digits as read

        table = np.column_stack(read(return_X_y=True)).astype(np.uint8)
    table = torch.from_numpy(table)
    return table[:, :64].reshape(-1, 8, 8), table[:, 64].long()


def upsample(images_8x8):
    """Images (N, 8, 8) with values 0 to 16 as (N, 1, 28, 28), float32 in [0, 1], bilinear."""
    images = torch.as_tensor(images_8x8, dtype=torch.float32).unsqueeze(1) / 16
    return F.interpolate(images, size=(28, 28), mode="bilinear", align_corners=False).clamp(0, 1)


# ---------------------------------------------------------------- MNIST


class NoNetwork(OSError):
    """MNIST is not on this machine, and the network does not give it."""


def load_mnist(root=None, device="cpu", binarize=False, download=True):
    """(train, test) of MNIST, 60,000 and 10,000 images, through `torchvision.datasets.MNIST`.

    `root`, or else the environment variable MNIST_ROOT, names a folder that holds the files, as torchvision
    keeps them (root/MNIST/raw/) or directly; it may be read-only. Without either, MNIST is downloaded once
    into the user's cache. Raises FileNotFoundError, ValueError (a damaged file), PermissionError or
    NoNetwork; each says what to do.
    """
    named = root or os.environ.get("MNIST_ROOT")
    if named:
        folder = _find(Path(named).expanduser())
        _verify(folder)
    else:
        folder = _cached(download)
    return tuple(_read(folder, train, device, binarize) for train in (True, False))


def _find(root):
    for folder in (root / "MNIST" / "raw", root / "raw", root):
        if any((folder / name).exists() for names in _FILES.values() for name in names):
            return folder
    raise FileNotFoundError(
        f"No MNIST in {root}. It must hold MNIST/raw/{_FILES[True][0]} and the three other files, unpacked "
        "(gunzip *.gz). To download MNIST instead, leave out root and unset MNIST_ROOT."
    )


def _verify(folder):
    """Raise where a file of MNIST is missing, is not an idx file, or is longer or shorter than its header
    says.
    """
    for images_name, labels_name in _FILES.values():
        counts = [_count(folder / images_name, (28, 28)), _count(folder / labels_name, ())]
        if counts[0] != counts[1]:
            raise ValueError(
                f"{folder / images_name} holds {counts[0]} images, but {labels_name} has {counts[1]} labels: "
                "the two do not belong together. Copy or download all four files again."
            )


def _count(path, shape):
    """How many items of `shape` an idx file of bytes holds (format: http://yann.lecun.com/exdb/mnist)."""
    advice = "Delete it and copy or download it again."
    try:
        with open(path, "rb") as file:
            header = file.read(8 + 4 * len(shape))
            size = file.seek(0, os.SEEK_END)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path} is missing. Copy or download it again (unpacked).") from None
    except PermissionError:
        raise PermissionError(f"{path} may not be read. Allow it: chmod a+r {path}") from None
    numbers = [int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4)]
    magic = 0x0801 + len(shape)
    if len(header) < 8 + 4 * len(shape) or numbers[0] != magic or tuple(numbers[2:]) != shape:
        raise ValueError(f"{path} is not a file of MNIST: its header is wrong. {advice}")
    count = numbers[1]
    promised = len(header) + count * math.prod(shape)
    if size != promised or count == 0:
        raise ValueError(f"{path} has {size:,} bytes, but its header promises {promised:,}. {advice}")
    return count


def _read(folder, train, device, binarize):
    from torchvision.datasets import MNIST

    class Folder(MNIST):
        """torchvision's MNIST, read from just this folder."""

        raw_folder = str(folder)
        processed_folder = str(folder / "no such folder")

    data = Folder(str(folder), train=train)
    images = data.data.to(device).unsqueeze(1).float().div_(255)
    return ImageSet(images, data.targets.to(device).long(), f"MNIST {'train' if train else 'test'}", binarize)


# ---------------------------------------------------------------- download


def cache():
    """The folder that keeps the download."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vae-exercise"


def _cached(download):
    folder = cache() / "MNIST" / "raw"
    try:
        _verify(folder)
    except (FileNotFoundError, ValueError):
        if not download:
            raise FileNotFoundError(
                f"No usable MNIST in {cache()}, and download=False. Call load_mnist(download=True), or name "
                "a folder that holds MNIST with root= or MNIST_ROOT."
            ) from None
        _download(cache())
        _verify(folder)
    return folder


def _download(folder):
    """Download into a new folder beside the final one, so that an interrupted download leaves nothing
    behind.
    """
    if not _reachable():
        raise NoNetwork(_offline("No server of MNIST answers."))
    from torchvision.datasets import MNIST

    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="download-", dir=folder))
    except OSError as error:
        raise PermissionError(
            f"MNIST cannot be written to {folder} ({error.strerror}). Name a folder that you may write to "
            "with XDG_CACHE_HOME, or one that already holds MNIST with MNIST_ROOT."
        ) from None
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_ANSWER_SECONDS)
    try:
        MNIST(str(fresh), download=True)
        shutil.rmtree(folder / "MNIST", ignore_errors=True)
        os.replace(fresh / "MNIST", folder / "MNIST")
    except (OSError, RuntimeError) as error:
        raise NoNetwork(_offline(f"The download of MNIST broke off ({error}).")) from error
    finally:
        socket.setdefaulttimeout(before)
        shutil.rmtree(fresh, ignore_errors=True)


def _offline(what):
    return (
        f"{what} Connect to the internet and run this again; or copy the four files of MNIST into a folder "
        "and name it with root= or MNIST_ROOT; or use load_digits(), which needs no download."
    )


def _reachable():
    """Whether a server of MNIST answers. In threads, because looking up a name has no time limit of its
    own.
    """
    found = threading.Event()
    asking = [threading.Thread(target=_ask, args=(url, found), daemon=True) for url in _MIRRORS]
    for thread in asking:
        thread.start()
    end = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < end and any(thread.is_alive() for thread in asking) and not found.wait(0.05):
        pass
    return found.is_set()


def _ask(url, found):
    request = Request(url + _FILES[True][1] + ".gz", method="HEAD")
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS):
            found.set()
    except OSError:
        return
