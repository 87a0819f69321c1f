"""What several tests share: a copy of the repository to run in, one finished run, real environments."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ENVIRONMENTS = REPOSITORY / ".snakemake" / "conda"
READ_BY_A_RUN = ["Snakefile", "README.md", "config", "envs", "profiles", "report", "rules", "scripts"]


def command(*options: str) -> list[str]:
    """Give the command of a small run, in the environments that a run in this checkout has too."""
    start = ["snakemake", "--cores", "2", "--conda-prefix", str(ENVIRONMENTS)]
    return [*start, *options, "--configfile", "config/small.yaml"]


def run(folder: Path, *options: str, succeeds: bool = True) -> str:
    """Run Snakemake on the small configuration in a folder, and give all that it prints."""
    ended = subprocess.run(
        command(*options),
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert (ended.returncode == 0) == succeeds, ended.stdout
    return ended.stdout


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a small run that a test is to stop, as the leader of its own processes."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command(*options), cwd=folder, start_new_session=True, **quiet)


def copy_repository(folder: Path) -> Path:
    """Copy what a run reads, and nothing that one has made."""
    for name in READ_BY_A_RUN:
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    return folder


@pytest.fixture
def fresh_copy(tmp_path: Path) -> Path:
    return copy_repository(tmp_path)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the small configuration once, from nothing; what is in this folder is not to be changed.

    The activations of the two digits are kept, those of all others go when they have been read.
    """
    folder = copy_repository(tmp_path_factory.mktemp("finished_run"))
    run(folder, "--notemp", "results/table1.csv")
    run(folder)
    return folder


@pytest.fixture
def finished_copy(finished_run: Path, tmp_path: Path) -> Path:
    """Copy the finished run, times of change and Snakemake's records included, for a test to change."""
    return shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True, symlinks=True)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make every environment of the rules that is not there yet; give the interpreter of one by its name."""
    folder = copy_repository(tmp_path_factory.mktemp("environments"))
    run(folder, "--conda-create-envs-only")
    table = [line.split("\t") for line in run(folder, "--list-conda-envs").splitlines()]
    prefixes = {Path(line[0]).stem: folder / line[2] for line in table if line[0].startswith("envs/")}
    return lambda name: prefixes[name] / "bin" / "python"
