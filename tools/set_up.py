"""Make `.venv`, which holds all that a run of this workflow needs before its first rule.

    python3.11 tools/set_up.py            Snakemake, and a conda where the PATH has none
    python3.11 tools/set_up.py --tests    and what the tests need

Rule environments are not made here: Snakemake makes each when a rule first needs it.

`.venv/set_up.state` is the only memory of this program. It is locked while a set-up runs, by pip
too, so that a second set-up waits, even for the orphaned pip of a killed one. It is emptied before
anything changes and written at the end: where it is empty, a set-up was killed half-way, and
whatever lies in `.venv` cannot be trusted.
"""

# An older Python has to be able to read this file, to say that it is the wrong one.
from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
VENV = ROOT / ".venv"
STATE = VENV / "set_up.state"
LOG = VENV / "pip.log"
# The interpreter itself, since this program may run in the very .venv that it is to empty.
INTERPRETER = Path(sys.executable).resolve()
OLDEST_CONDA = (24, 7, 1)  # what Snakemake 9.27.1 asks for


def has_conda() -> bool:
    """Say whether the PATH has a conda that Snakemake accepts, the one made here not counted."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    conda = shutil.which("conda", path=os.pathsep.join(f for f in folders if f != str(VENV / "bin")))
    if conda is None:
        return False
    try:
        answer = subprocess.run([conda, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return version is not None and tuple(map(int, version.groups())) >= OLDEST_CONDA


def line_of(requirements: Path) -> str:
    """Put into a line for the state that what a file pins is installed."""
    return f"{requirements.name} {hashlib.sha256(requirements.read_bytes()).hexdigest()}"


def reason_of_failure(log: str) -> str:
    """Put what Python or pip wrote into half a sentence, with the package that pip failed on."""
    if "No space left on device" in log or shutil.disk_usage(VENV).free < 1_000_000:
        return "the disk is full"
    missing = re.search(r"No matching distribution found for (\S+)", log)
    if missing:
        return f"the package index has no {missing[1]}, or does not answer"
    begun = re.findall(r"^(?:Collecting|Processing) (\S+)", log, flags=re.MULTILINE)
    return f"pip failed at {begun[-1]}" if begun else "the reason is not known"


def run_python(arguments: list[str], python: Path, lock: IO[str]) -> str | None:
    """Run `python` free of the user's own settings of Python; give its output if it fails."""
    environment: dict[str, str] = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    with LOG.open("w") as log:
        ended = subprocess.run(
            [str(python), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**environment, "PYTHONNOUSERSITE": "1"},
            pass_fds=[lock.fileno()],
            check=False,
        )
    return LOG.read_text(errors="replace") if ended.returncode else None


def empty_venv() -> None:
    """Remove all but the state, which says whose folder this is and is locked."""
    for path in VENV.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != STATE:
            path.unlink()


def link_conda(wanted: bool) -> None:
    """Put the front end of conda on `.venv/bin`, or take it away where a real conda has come."""
    links = {
        VENV / "bin" / "conda": TOOLS / "conda" / "conda",
        # Snakemake sources `bin/activate` of conda's own folder, and `.venv/bin/activate` is another.
        VENV / "conda" / "bin" / "activate": TOOLS / "conda" / "activate",
    }
    for link, target in links.items():
        if not wanted:
            link.unlink(missing_ok=True)
        elif not link.is_symlink():  # a link that is there stays, since a run may be using it
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(target, link.parent))


def make_venv(python: Path, lock: IO[str]) -> None:
    """Make an empty virtual environment of the Python that runs this program."""
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "This Python 3.11 cannot make virtual environments: its module ensurepip is missing"
            " (Debian and Ubuntu have it in the package python3.11-venv)"
        )
    print(f"Making {VENV}", flush=True)
    empty_venv()
    log = run_python(["-m", "venv", str(VENV)], INTERPRETER, lock)
    if log is not None:
        sys.exit(f"The virtual environment cannot be made: {reason_of_failure(log)}; for more see {LOG}")


def install_into(python: Path, requirements: list[Path], lock: IO[str]) -> None:
    """Let the pip of `.venv` install what each file pins."""
    pip = ["-m", "pip", "--no-input", "--disable-pip-version-check", "install"]
    for path in requirements:
        print(f"Installing {path.name} (progress: {LOG})", flush=True)
        # Most of what the tests install is never imported, and compiling it all takes a minute.
        options = ["--no-compile"] * (path.name == "requirements-tests.txt")
        log = run_python([*pip, *options, "--requirement", str(path)], python, lock)
        if log is not None:
            sys.exit(f"{path.name} cannot be installed: {reason_of_failure(log)}; for more see {LOG}")


def set_up(tests: bool) -> None:
    """Bring `.venv` up to date, whatever state it is in.

    Raises
    ------
    SystemExit
        With one sentence, where it cannot be done.
    """
    needs_conda = not has_conda()
    requirements = [TOOLS / "requirements.txt"]
    requirements += [TOOLS / "requirements-conda.txt"] * needs_conda
    requirements += [TOOLS / "requirements-tests.txt"] * tests
    place = f"in {VENV}"  # a virtual environment holds its own path in many files, and cannot be moved
    wanted = {place, *map(line_of, requirements)}

    if VENV.is_symlink():
        sys.exit(
            f"{VENV} is a link to {VENV.resolve()}, which is left as it is: remove the link, and try again"
        )
    if VENV.exists() and not STATE.exists() and any(VENV.iterdir()):
        sys.exit(f"{VENV} was not made by this program: move it away, and try again")
    VENV.mkdir(exist_ok=True)
    with STATE.open("a+") as state:
        try:
            fcntl.flock(state, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is at work: waiting for it to end", flush=True)
            fcntl.flock(state, fcntl.LOCK_EX)
        state.seek(0)
        done = set(state.read().splitlines())
        python = VENV / "bin" / "python"
        whole = place in done and python.exists()
        if whole and wanted <= done:
            link_conda(needs_conda)
            print(f"{VENV} is up to date")
            return
        state.truncate(0)
        if not whole:
            done.clear()
            make_venv(python, state)
        install_into(python, [path for path in requirements if line_of(path) not in done], state)
        link_conda(needs_conda)
        state.write("\n".join(sorted(wanted)) + "\n")
        print("The set-up is complete")


def main() -> None:
    """Read the command line, and set up."""
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"Python 3.11 is needed, and this is Python {sys.version.split()[0]}")
    parser = argparse.ArgumentParser(description="Make .venv, which holds what a run of this workflow needs.")
    parser.add_argument("--tests", action="store_true", help="add what the tests need")
    try:
        set_up(parser.parse_args().tests)
    except OSError as error:
        sys.exit(f"The set-up cannot go on: {error}")
    except KeyboardInterrupt:
        sys.exit("The set-up was interrupted; run it again to complete it")


if __name__ == "__main__":
    main()
