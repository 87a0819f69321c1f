"""The part of the conda command line that Snakemake 9.27.1 calls, made of py-rattler.

It stands in where a machine has no conda. Packages come from the channels that the environment's
file names. Where conda-forge, one of them, does not answer, a local channel takes its place: see
`local_channel.py`. What it keeps lies in `.venv/conda`.
"""

import argparse
import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml
from local_channel import CondaError, make_channel
from rattler import Channel, Gateway, VirtualPackage, install, solve
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InstallerError,
    InvalidChannelError,
    InvalidMatchSpecError,
    SolverError,
)
from rattler.platform import Subdir

VERSION = "24.7.1"  # of conda's command line; the oldest that Snakemake accepts
BASE = Path(sys.prefix) / "conda"
PACKAGES = BASE / "packages"
SUBDIR = str(Subdir.current())
NO_ANSWER = (GatewayError, FetchRepoDataError)
PATIENCE = 30.0  # seconds that conda-forge has for its first answer
SUPPORTED = (
    "conda --version",
    "conda info --json",
    "conda config --get channel_priority --json",
    "conda env create --file FILE --prefix FOLDER",
    "conda clean --yes --tarballs [--packages]",
)


@dataclass(frozen=True)
class Environment:
    """What an environment's file asks for."""

    channels: list[str]
    packages: list[str]
    """Specifications in conda's form."""
    requirements: list[str]
    """Specifications in pip's form."""


def read_environment(path: Path) -> Environment:
    """Read an environment's file.

    Raises
    ------
    CondaError
        Where it is missing, or is not such a file.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CondaError(f"{path} cannot be read as YAML: {in_one_line(error)}") from None
    if not isinstance(content, dict):
        raise CondaError(f"{path} has to be a mapping with `channels` and `dependencies`")
    channels = content.get("channels", ["conda-forge"])
    if not is_list_of(str, channels):
        raise CondaError(f"{path}: `channels` has to be a list of names")
    dependencies: Any = content.get("dependencies")
    if not is_list_of((str, dict), dependencies):
        raise CondaError(f"{path}: `dependencies` has to be a list of packages, and may have one `pip:` list")
    parts = [part for part in dependencies if isinstance(part, dict)]
    if len(parts) > 1 or any(set(part) != {"pip"} or not is_list_of(str, part["pip"]) for part in parts):
        raise CondaError(f"{path}: beside packages, `dependencies` may have one list of requirements, `pip:`")
    return Environment(
        channels=[channel for channel in channels if channel != "nodefaults"],
        packages=[package for package in dependencies if isinstance(package, str)],
        requirements=parts[0]["pip"] if parts else [],
    )


def is_list_of(kind: type | tuple[type, ...], value: Any) -> bool:
    """Say whether `value` is a list with nothing in it but such things."""
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def in_one_line(error: Exception) -> str:
    """Put what an error says into one line."""
    return " ".join(str(error).split())


def create_environment(file: Path, prefix: Path) -> None:
    """Make the environment that `file` describes in the folder `prefix`.

    A file beside the folder says while it is being made that it is not whole, and is locked then, by
    pip too: what a killed process left is taken away when nothing writes to it any more.

    Raises
    ------
    CondaError
        Where it cannot be made; nothing of it is left then.
    """
    environment = read_environment(file)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with prefix.with_name(f"{prefix.name}.state").open("a+") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        state.seek(0)
        if state.read() == "unfinished":
            shutil.rmtree(prefix, ignore_errors=True)
        elif prefix.exists() and any(prefix.iterdir()):
            raise CondaError(f"{prefix} exists already: remove it first")
        state.truncate(0)
        state.write("unfinished")
        state.flush()
        try:
            asyncio.run(install_packages(environment, prefix, file))
            install_requirements(environment.requirements, prefix, file, lock=state.fileno())
        except BaseException:
            shutil.rmtree(prefix, ignore_errors=True)
            raise
        finally:
            state.truncate(0)


async def install_packages(environment: Environment, prefix: Path, file: Path) -> None:
    """Choose the packages of conda that fit together, and install them."""
    gateway = Gateway(cache_dir=PACKAGES / "lists")
    try:
        channels = [Channel(name) for name in environment.channels]
        if "conda-forge" in environment.channels and not await answers(Channel("conda-forge"), gateway):
            local = make_channel(BASE / "channels", SUBDIR, Path(sys.executable).resolve())
            print("conda: conda-forge does not answer: this machine's own Python is used", file=sys.stderr)
            channels[environment.channels.index("conda-forge")] = Channel(local.as_uri())
        present = VirtualPackage.detect()
        records = await solve(channels, environment.packages, gateway=gateway, virtual_packages=present)
        await install(records, prefix, cache_dir=PACKAGES, show_progress=False)
    except (*NO_ANSWER, InstallerError, InvalidChannelError, InvalidMatchSpecError) as error:
        raise CondaError(f"the packages of {file} cannot be had: {in_one_line(error)}") from None
    except SolverError as error:
        sources = ", ".join(channel.base_url for channel in channels)
        raise CondaError(f"{file} cannot be satisfied from {sources}: {in_one_line(error)}") from None


async def answers(channel: Channel, gateway: Gateway) -> bool:
    """Say whether a channel gives its list of packages within `PATIENCE`."""
    query = gateway.query([channel], [Subdir.current(), "noarch"], ["python"], recursive=False)
    try:
        await asyncio.wait_for(query, PATIENCE)
    except (*NO_ANSWER, TimeoutError):
        return False
    return True


def install_requirements(requirements: list[str], prefix: Path, file: Path, lock: int) -> None:
    """Let the environment's own pip install what pip has to, free of the user's settings of Python.

    pip, not uv: a machine may keep a build of a package in a place that only pip is told of.
    """
    if not requirements:
        return
    pip = [str(prefix / "bin/python"), "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    if not (prefix / "bin" / "pip").exists():
        raise CondaError(f"{file} has a `pip:` list, so its packages have to include python and pip")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        [*pip, "install", "--requirement", "/dev/stdin"],
        input="\n".join(requirements) + "\n",
        stdout=sys.stderr,
        env=environment | {"PYTHONNOUSERSITE": "1"},
        text=True,
        pass_fds=[lock],
        check=False,
    )
    if ended.returncode:
        raise CondaError(f"pip cannot install the requirements of {file}, for the reason that it gives above")


class Parser(argparse.ArgumentParser):
    """A parser that answers what it does not know with one sentence."""

    def error(self, message: str) -> NoReturn:
        """Name all that is known."""
        raise CondaError(f"this stand-in for conda knows only {'; '.join(SUPPORTED)} ({message})")


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read a command line of conda.

    Raises
    ------
    CondaError
        Where it is none of `SUPPORTED`.
    """
    parser = Parser(prog="conda", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", "-V", action="version", version=f"conda {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    info = commands.add_parser("info")
    info.add_argument("--json", action="store_true", required=True)
    config = commands.add_parser("config")
    config.add_argument("--get", choices=["channel_priority"], required=True)
    config.add_argument("--json", action="store_true", required=True)
    clean = commands.add_parser("clean")
    clean.add_argument("--yes", "-y", action="store_true")
    clean.add_argument("--tarballs", action="store_true", required=True)
    clean.add_argument("--packages", action="store_true")
    env = commands.add_parser("env").add_subparsers(dest="command of env", required=True)
    create = env.add_parser("create")
    create.add_argument("--quiet", "-q", action="store_true")
    create.add_argument("--no-default-packages", action="store_true")
    create.add_argument("--file", "-f", type=Path, required=True)
    create.add_argument("--prefix", "-p", type=Path, required=True)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Do what a command line of conda asks for."""
    given = read_arguments(arguments)
    if given.command == "info":
        print(json.dumps({"conda_prefix": str(BASE), "platform": SUBDIR}))
    elif given.command == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))  # the solver knows no other
    elif given.command == "clean" and given.packages:  # tarballs, rattler keeps none
        shutil.rmtree(PACKAGES, ignore_errors=True)
    elif given.command == "env":
        create_environment(given.file.absolute(), given.prefix.absolute())


if __name__ == "__main__":
    status = 1
    try:
        main(sys.argv[1:])
        status = 0
    except (CondaError, OSError) as error:
        print(f"conda: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("conda: interrupted", file=sys.stderr)
    except SystemExit:  # of --version and --help
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    # The threads of rattler may outlive Python's own end, which then crashes.
    os._exit(status)
