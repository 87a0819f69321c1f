"""A conda channel made of this machine's own Python and of pip, for where conda-forge does not answer.

It is an ordinary channel: a folder with packages and the `repodata.json` that lists them. Its Python
is no copy. The package holds what makes a folder a virtual environment (PEP 405): links to the
machine's interpreter and a `pyvenv.cfg` that shuts the machine's own packages out. So an environment
made of it has the machine's standard library and nothing else that the machine has installed.
"""

import fcntl
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from configparser import ConfigParser
from pathlib import Path
from typing import Any

PIP_VERSION = "25.3"  # what envs/*.yaml ask for

Index = dict[str, Any]  # a package's entry in the list of packages
Files = dict[str, bytes | str]  # content by path in an environment; text is the target of a link


class CondaError(Exception):
    """What this program cannot mend; its text is one sentence."""


def make_channel(folder: Path, subdir: str, interpreter: Path) -> Path:
    """Make the channel in a folder of its own within `folder`, or find it there.

    The name of the channel's folder follows from all that the channel is made of, so that another
    Python, or another pip, makes another one. It gets that name when it is whole.

    Parameters
    ----------
    folder : Path
        Where the channels of this kind lie.
    subdir : str
        conda's name for this kind of machine, such as linux-64.
    interpreter : Path
        The Python to link to.

    Returns
    -------
    Path
        The channel.

    Raises
    ------
    CondaError
        Where there is no such interpreter, it is not Python 3.11, or pip cannot be had.
    """
    version = version_of(interpreter)
    made_of = f"{subdir} {interpreter} {version} {PIP_VERSION} {Path(__file__).read_text()}"
    channel = folder / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not channel.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                partial = Path(scratch) / "channel"
                write_subdir(partial / subdir, *python_package(interpreter, version, subdir, channel.name))
                write_subdir(partial / "noarch", *pip_package(download_pip(Path(scratch))))
                partial.rename(channel)
    return channel


def version_of(interpreter: Path) -> str:
    """Ask a Python for its version, which has to be 3.11.

    Raises
    ------
    CondaError
        Where there is none, or it is another version.
    """
    program = "import platform; print(platform.python_version())"
    try:
        version = subprocess.check_output([interpreter, "-IS", "-c", program], text=True).strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise CondaError(f"there is no working Python 3.11 at {interpreter}: {error}") from None
    if not version.startswith("3.11."):
        raise CondaError(f"{interpreter} is Python {version}, and the environments need Python 3.11")
    return version


def python_package(interpreter: Path, version: str, subdir: str, build: str) -> tuple[Index, Files]:
    """Describe a Python that is the machine's own."""
    index = {
        "name": "python",
        "version": version,
        "build": f"0_{build}",
        "build_number": 0,
        "subdir": subdir,
        "depends": [],
    }
    config = f"home = {interpreter.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    files: Files = {
        "bin/python3.11": str(interpreter),
        "bin/python3": "python3.11",
        "bin/python": "python3.11",
        "lib64": "lib",  # where some systems have Python look for compiled packages
        "pyvenv.cfg": config.encode(),
    }
    return index, files


def pip_package(wheel: Path) -> tuple[Index, Files]:
    """Describe the pure wheel of pip as a package for any machine."""
    with zipfile.ZipFile(wheel) as archive:
        content = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    name, version = wheel.name.split("-")[:2]
    entry_points = ConfigParser()
    entry_points.read_string(content[f"{name}-{version}.dist-info/entry_points.txt"].decode())
    scripts = [f"{command} = {function}" for command, function in entry_points["console_scripts"].items()]
    link = {"noarch": {"type": "python", "entry_points": scripts}, "package_metadata_version": 1}
    index = {
        "name": name,
        "version": version,
        "build": "py_0",
        "build_number": 0,
        "noarch": "python",
        "subdir": "noarch",
        "depends": ["python >=3.9"],
    }
    files: Files = {f"site-packages/{path}": data for path, data in content.items()}
    return index, files | {"info/link.json": json.dumps(link).encode()}


def download_pip(folder: Path) -> Path:
    """Have the wheel of pip put into `folder` by the pip of the Python that runs this.

    Raises
    ------
    CondaError
        Where it cannot be had.
    """
    pip = [sys.executable, "-I", "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    download = ["download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    ended = subprocess.run([*pip, *download, f"pip=={PIP_VERSION}"], stdout=sys.stderr, check=False)
    if ended.returncode:
        raise CondaError(f"neither conda-forge nor pip's index gives pip {PIP_VERSION}: is there a network?")
    return next(folder.glob("pip-*.whl"))


def write_subdir(folder: Path, index: Index, files: Files) -> None:
    """Write the part of a channel that holds one package, named after a kind of machine, or `noarch`."""
    paths = [describe(path, content) for path, content in files.items() if not path.startswith("info/")]
    metadata = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
    }
    folder.mkdir(parents=True)
    package = folder / f"{index['name']}-{index['version']}-{index['build']}.tar.bz2"
    with tarfile.open(package, "w:bz2", compresslevel=1) as archive:
        for path, content in (metadata | files).items():
            member = tarfile.TarInfo(path)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    data = package.read_bytes()
    record = index | {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    repodata = {"info": {"subdir": folder.name}, "packages": {package.name: record}, "repodata_version": 1}
    (folder / "repodata.json").write_text(json.dumps(repodata))


def describe(path: str, content: bytes | str) -> dict[str, Any]:
    """Say of one file of a package what conda has to know to install it and to check it."""
    kind, data = ("softlink", b"") if isinstance(content, str) else ("hardlink", content)
    digest = hashlib.sha256(data).hexdigest()
    return {"_path": path, "path_type": kind, "sha256": digest, "size_in_bytes": len(data)}
