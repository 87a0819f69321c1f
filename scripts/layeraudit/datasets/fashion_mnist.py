"""Clothes in the form of MNIST: 60,000 images to train on and 10,000 to test, of ten classes."""

from pathlib import Path

from layeraudit.datasets import Images
from layeraudit.datasets._fetch import Source, find
from layeraudit.datasets._idx import read_idx

TITLE = "Fashion-MNIST"
REFERENCE = "Xiao et al. 2017, https://arxiv.org/abs/1708.07747"
ENVIRONMENT = "torch"
OPTIONS = {
    "folder": {
        "description": "A folder with the four uncompressed IDX files of Fashion-MNIST; null fetches them.",
        "type": ["string", "null"],
        "format": "path",
    },
}
COUNTS = {
    "train": [6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000],
    "test": [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000],
}
CHECKSUMS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
SOURCES = (
    Source("torchvision", "FashionMNIST", folder="FashionMNIST/raw"),
    Source("apt", "dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
)


CLASSES = (
    *("T-shirt", "trousers", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "boot"),
)


def read(scratch: Path, *, folder: str | None) -> Images:
    """Return the images; the files are fetched where no folder has them.

    Raises
    ------
    InputError
        As `find` does.
    """
    return read_idx(find(SOURCES, CHECKSUMS, folder, scratch), classes=CLASSES)
