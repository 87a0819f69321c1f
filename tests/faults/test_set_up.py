"""Set-ups that are killed, doubled, without network, disk or Python, and the `.venv` that one leaves."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable).resolve()
CLOSED = "http://127.0.0.1:9"  # where nothing listens
NO_NETWORK = {
    **{f"{kind}_PROXY": CLOSED for kind in ("HTTP", "HTTPS", "ALL")},
    "PIP_CONFIG_FILE": os.devnull,  # which may name folders that stand in for an index
    "PIP_NO_CACHE_DIR": "1",
    "PIP_RETRIES": "0",
    "PIP_INDEX_URL": f"{CLOSED}/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout with what set-up reads and without what it makes."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def start(checkout: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a set-up as the leader of its own processes."""
    # PATH without a conda, so that the front end is made whatever this machine has.
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not Path(folder, "conda").exists())
    return subprocess.Popen(
        [PYTHON, "tools/set_up.py"],
        cwd=checkout,
        env=os.environ | {"PATH": path} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ends_in(process: subprocess.Popen[str], sentence: str) -> None:
    """Check that a set-up fails with one sentence and no traceback."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert sentence in errors
    assert errors.count("\n") == 1, errors


def test_killed_half_way_then_two_at_once(checkout: Path) -> None:
    killed = start(checkout)
    packages = checkout / ".venv/lib/python3.11/site-packages"
    while len(list(packages.glob("*.dist-info"))) < 5:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert (checkout / ".venv/set_up.state").read_text() == ""

    both = [start(checkout), start(checkout)]
    said = sorted(process.communicate(timeout=600)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said[0].startswith("Another set-up is at work")
    assert said[0].endswith(f"{checkout}/.venv is up to date\n")
    assert said[1].endswith("The set-up is complete\n")

    before = time.monotonic()
    third = start(checkout)
    assert third.communicate()[0] == f"{checkout}/.venv is up to date\n"
    assert time.monotonic() - before < 5

    no_channel_either(checkout)
    rules_are_isolated(checkout)


def no_channel_either(checkout: Path) -> None:
    """Check the front end of conda where there is no network and no channel of an earlier day."""
    (checkout / "bare.yaml").write_text("channels: [conda-forge]\ndependencies: [python=3.11, pip=25.3]\n")
    create = [checkout / ".venv/bin/conda", "env", "create", "--file", "bare.yaml", "--prefix", "bare"]
    alone = os.environ | NO_NETWORK
    ended = subprocess.run(create, cwd=checkout, env=alone, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "conda: neither conda-forge nor pip's index gives pip 25.3" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert not (checkout / "bare").exists()


def rules_are_isolated(checkout: Path) -> None:
    """Run a workflow in the activated `.venv`, whose rule cannot import what `.venv` has."""
    (checkout / "tqdm.yaml").write_text(
        "channels: [conda-forge, nodefaults]\ndependencies: [python=3.11, pip=25.3, pip: [tqdm==4.70.1]]\n"
    )
    (checkout / "Snakefile").write_text(
        "rule all:\n"
        "    output: 'versions.txt'\n"
        "    conda: 'tqdm.yaml'\n"
        "    shell: 'python -m pip list --format freeze > {output}; ! python -c \"import yaml\"'\n"
    )
    command = ". .venv/bin/activate && snakemake --quiet all --cores 1 --sdm conda -- all"
    ended = subprocess.run(["bash", "-c", command], cwd=checkout, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "No module named 'yaml'" in ended.stderr
    assert "tqdm==4.70.1" in (checkout / "versions.txt").read_text().split()


def test_no_network(checkout: Path) -> None:
    ends_in(start(checkout, **NO_NETWORK), "the package index has no annotated-types==")
    assert (checkout / ".venv/set_up.state").read_text() == ""


def test_venv_of_somebody_else_is_left_alone(checkout: Path) -> None:
    theirs = checkout / ".venv/theirs"
    theirs.parent.mkdir()
    theirs.touch()
    ends_in(start(checkout), "was not made by this program")
    assert list(theirs.parent.iterdir()) == [theirs]


def test_a_link_to_another_venv_is_left_alone(checkout: Path) -> None:
    theirs = checkout / "theirs"
    theirs.mkdir()
    (theirs / "set_up.state").write_text("in another place\n")
    (theirs / "bin").mkdir()
    (checkout / ".venv").symlink_to(theirs)
    ends_in(start(checkout), "is a link to")
    assert {path.name for path in theirs.iterdir()} == {"set_up.state", "bin"}


@pytest.mark.skipif(os.system("unshare --mount true") != 0, reason="only root may mount a small disk")
def test_full_disk(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    command = f"mount -t tmpfs -o size=5m none .venv && exec {PYTHON} tools/set_up.py"
    ends_in(
        subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", command],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ),
        "the disk is full",
    )


def test_other_python(checkout: Path) -> None:
    beside_ours = Path(sys.base_prefix).parent.glob("3.*/bin/python3")  # as pyenv lays them
    others = ["python3.9", "python3.10", "python3.12", "python3.13", "python3.14", *beside_ours]
    for other in others:
        command = ["env", other, "tools/set_up.py"]
        ended = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        if "Python 3.11 is needed" in ended.stderr:
            assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
            return
    pytest.skip("this machine has no other Python")


def test_make_without_python(tmp_path: Path) -> None:
    make = shutil.which("make")
    command = [make, "--directory", tmp_path, "--file", ROOT / "Makefile", "results/table1.csv"]
    ended = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Python 3.11 is needed, and the PATH has neither" in ended.stderr
