"""The front end of conda, on real environments made of a real channel of this machine's own Python."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("rattler", reason="the PATH has a real conda, so the front end is not installed")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FRONT_END = ROOT / "tools" / "conda" / "front_end.py"
sys.path.insert(0, str(FRONT_END.parent))

import front_end  # noqa: E402
from local_channel import CondaError, make_channel  # noqa: E402

INTERPRETERS = sorted({Path(sys.executable).resolve(), Path("/usr/bin/python3.11").resolve()})
BARE = ("python=3.11", "pip=25.3")
CLOSED = "http://127.0.0.1:9"  # where nothing listens


def conda(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the front end as Snakemake does."""
    command = [sys.executable, FRONT_END, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def run_in(prefix: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in an environment that is not activated."""
    return subprocess.run([prefix / "bin/python", "-c", code], capture_output=True, text=True, check=False)


def write_file(path: Path, channel: str, *requirements: object, packages: tuple[str, ...] = BARE) -> Path:
    """Write an environment's file."""
    pip = [{"pip": [str(requirement) for requirement in requirements]}] if requirements else []
    path.write_text(json.dumps({"channels": [channel, "nodefaults"], "dependencies": [*packages, *pip]}))
    return path


@pytest.fixture(scope="module", params=[path for path in INTERPRETERS if path.exists()], ids=str)
def channel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a channel of each Python 3.11 of this machine."""
    return make_channel(tmp_path_factory.mktemp("channels"), front_end.SUBDIR, request.param).as_uri()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a package that pip can install without any network."""
    path = tmp_path_factory.mktemp("wheels") / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing.py", "")
        metadata = {"METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n", "RECORD": ""}
        metadata["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for name, text in metadata.items():
            archive.writestr(f"thing-1.0.dist-info/{name}", text)
    return path


def test_environment_has_what_it_asks_for_and_no_more(tmp_path: Path, channel: str, wheel: Path) -> None:
    file, prefix = write_file(tmp_path / "thing.yaml", channel, wheel), tmp_path / "an environment"
    # What the user has set for other Pythons must not reach into the environment.
    options = ["--quiet", "--no-default-packages", "--file", file, "--prefix", prefix]
    made = conda("env", "create", *options, PYTHONPATH=str(tmp_path))
    assert made.returncode == 0, made.stderr
    listed = subprocess.check_output([prefix / "bin" / "pip3", "list", "--format", "freeze"], text=True)
    assert listed.split() == ["pip==25.3", "thing==1.0"]
    assert run_in(prefix, "import thing, ssl, sqlite3").returncode == 0
    assert "No module named 'pytest'" in run_in(prefix, "import pytest").stderr
    searched = run_in(prefix, "import sys; print(*sys.path, sep='\\n')").stdout.splitlines()
    own = str(prefix / "lib" / "python3.11" / "site-packages")
    assert [folder for folder in searched if "-packages" in folder] == [own]

    activate = f"set -euo pipefail; source '{ROOT}/tools/conda/activate' '{prefix}'"
    command = f"{activate}; python -c 'import sys; print(sys.prefix)'; type -p pip"
    activated = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert activated.stdout.splitlines() == [str(prefix), str(prefix / "bin" / "pip")]

    again = conda("env", "create", "--file", file, "--prefix", prefix)
    assert (again.returncode, again.stderr) == (1, f"conda: {prefix} exists already: remove it first\n")
    assert run_in(prefix, "import thing").returncode == 0


def test_channel_of_this_machine_stands_in_for_conda_forge(tmp_path: Path) -> None:
    make_channel(front_end.BASE / "channels", front_end.SUBDIR, Path(sys.executable).resolve())
    file, prefix = write_file(tmp_path / "bare.yaml", "conda-forge"), tmp_path / "bare"
    made = conda("env", "create", "--file", file, "--prefix", prefix, HTTPS_PROXY=CLOSED, ALL_PROXY=CLOSED)
    assert (made.returncode, made.stderr.count("\n")) == (0, 1), made.stderr
    assert "conda-forge does not answer" in made.stderr
    assert run_in(prefix, "import pip").returncode == 0


def test_killed_creation_leaves_nothing_to_trip_over(tmp_path: Path, channel: str, wheel: Path) -> None:
    prefix = tmp_path / "thing"
    with socket.create_server(("127.0.0.1", 0)) as server:
        stuck = f"http://127.0.0.1:{server.getsockname()[1]}/stuck-1.0-py3-none-any.whl"
        file = write_file(tmp_path / "stuck.yaml", channel, stuck)
        environment = os.environ | {"PIP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}
        command = [sys.executable, FRONT_END, "env", "create", "--file", file, "--prefix", prefix]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as killed:
            server.settimeout(60)
            connection, _ = server.accept()
            killed.send_signal(signal.SIGKILL)
        # Its pip still runs, and would go on writing: the next creation has to wait for its end.
        file = write_file(tmp_path / "thing.yaml", channel, wheel)
        with subprocess.Popen([*command[:5], file, "--prefix", prefix]) as following:
            with pytest.raises(subprocess.TimeoutExpired):
                following.wait(1)
            connection.close()
            server.close()
            assert following.wait(60) == 0
    assert run_in(prefix, "import thing").returncode == 0


@pytest.mark.parametrize(
    ("packages", "requirements", "sentence"),
    [
        (("python=3.10",), [], r"cannot be satisfied from file://.*python 3\.10"),
        (("python=3.11", "numpy"), [], r"cannot be satisfied from file://.*numpy"),
        (("python==",), [], "cannot be had: unable to parse version spec"),
        (("python=3.11",), ["thing"], "packages have to include python and pip"),
        (BARE, ["/nowhere/thing-1.0-py3-none-any.whl"], "pip cannot install the requirements of"),
    ],
)
def test_failed_creation_ends_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, channel: str, packages: tuple[str, ...], requirements: list[str], sentence: str
) -> None:
    file = write_file(tmp_path / "broken.yaml", channel, *requirements, packages=packages)
    prefix = tmp_path / "broken"
    made = conda("env", "create", "--file", file, "--prefix", prefix)
    assert made.returncode == 1
    assert "Traceback" not in made.stderr
    last = made.stderr.splitlines()[-1]
    assert last.startswith("conda: ")
    assert str(file) in last
    assert re.search(sentence, last)
    assert not prefix.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "cannot be read as YAML"),
        ("- python", "has to be a mapping"),
        ("channels: conda-forge\ndependencies: [python]", "`channels` has to be a list"),
        ("channels: [conda-forge]", "`dependencies` has to be a list"),
        ("dependencies: python", "`dependencies` has to be a list"),
        ("dependencies: [3.11]", "`dependencies` has to be a list"),
        ("dependencies: [python, {conda: [pip]}]", "may have one list of requirements"),
        ("dependencies: [python, {pip: tqdm}]", "may have one list of requirements"),
        ("dependencies: [{pip: [a]}, {pip: [b]}]", "may have one list of requirements"),
    ],
)
def test_wrong_file_ends_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(CondaError, match=sentence) as raised:
        front_end.read_environment(file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_file_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CondaError, match="No such file"):
        front_end.read_environment(tmp_path / "missing.yaml")


def test_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "whole.yaml"
    file.write_text("channels: [conda-forge, nodefaults]\ndependencies: [python=3.11, pip, {pip: [tqdm]}]\n")
    expected = front_end.Environment(["conda-forge"], ["python=3.11", "pip"], ["tqdm"])
    assert front_end.read_environment(file) == expected


def test_answers_that_snakemake_reads() -> None:
    assert conda("--version").stdout == "conda 24.7.1\n"
    info = json.loads(conda("info", "--json").stdout)
    assert info == {"conda_prefix": str(Path(sys.prefix) / "conda"), "platform": front_end.SUBDIR}
    priority = json.loads(conda("config", "--get", "channel_priority", "--json").stdout)
    assert priority["get"]["channel_priority"] == "strict"
    assert conda("clean", "-y", "--tarballs").returncode == 0


@pytest.mark.parametrize("line", ["", "install numpy", "env", "env export --prefix x", "env create --file x"])
def test_unsupported_command_names_what_is_supported(line: str) -> None:
    ended = conda(*line.split())
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "conda env create --file FILE --prefix FOLDER" in ended.stderr


def test_activation_of_a_folder_that_is_no_environment(tmp_path: Path) -> None:
    command = f"set -euo pipefail; source '{ROOT}/tools/conda/activate' '{tmp_path}'; echo reached"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"activate: there is no conda environment at '{tmp_path}'\n"
