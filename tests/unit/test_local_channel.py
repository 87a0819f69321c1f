"""The local channel: what its packages hold, and that it is made once, whole."""

import hashlib
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "conda"))

import local_channel  # noqa: E402

INTERPRETER = Path(sys.executable).resolve()


def test_python_is_a_virtual_environment_of_the_machines_own() -> None:
    index, files = local_channel.python_package(Path("/opt/bin/python3.11"), "3.11.9", "linux-64", "abc")
    assert (index["name"], index["version"], index["build"]) == ("python", "3.11.9", "0_abc")
    assert files["bin/python3.11"] == "/opt/bin/python3.11"
    assert {files["bin/python"], files["bin/python3"]} == {"python3.11"}
    assert b"home = /opt/bin\ninclude-system-site-packages = false\n" in files["pyvenv.cfg"]


def test_wheel_becomes_a_package_for_any_machine(tmp_path: Path) -> None:
    wheel = tmp_path / "pip-25.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pip/__init__.py", "")
        archive.writestr("pip-25.3.dist-info/entry_points.txt", "[console_scripts]\npip = pip:main\n")
    index, files = local_channel.pip_package(wheel)
    assert (index["name"], index["version"], index["noarch"]) == ("pip", "25.3", "python")
    assert files["site-packages/pip/__init__.py"] == b""
    assert json.loads(files["info/link.json"])["noarch"]["entry_points"] == ["pip = pip:main"]


def test_list_of_packages_matches_the_package(tmp_path: Path) -> None:
    index = {"name": "thing", "version": "1", "build": "0"}
    local_channel.write_subdir(tmp_path / "noarch", index, {"file": b"content", "link": "file"})
    package = tmp_path / "noarch" / "thing-1-0.tar.bz2"
    record = json.loads((tmp_path / "noarch" / "repodata.json").read_text())["packages"][package.name]
    assert record["size"] == package.stat().st_size
    assert record["sha256"] == hashlib.sha256(package.read_bytes()).hexdigest()
    with tarfile.open(package) as archive:
        assert archive.extractfile("file").read() == b"content"
        assert archive.getmember("link").linkname == "file"
        paths = json.load(archive.extractfile("info/paths.json"))["paths"]
    assert {path["_path"]: path["path_type"] for path in paths} == {"file": "hardlink", "link": "softlink"}


@pytest.mark.slow
def test_channel_is_made_once(tmp_path: Path) -> None:
    channel = local_channel.make_channel(tmp_path, "linux-64", INTERPRETER)
    made = (channel / "noarch" / "repodata.json").stat()
    assert local_channel.make_channel(tmp_path, "linux-64", INTERPRETER) == channel
    assert (channel / "noarch" / "repodata.json").stat() == made
    assert {path.name for path in tmp_path.iterdir()} == {channel.name, "lock"}


@pytest.mark.slow
def test_another_pip_makes_another_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = local_channel.make_channel(tmp_path, "linux-64", INTERPRETER)
    monkeypatch.setattr(local_channel, "PIP_VERSION", "25.2")
    assert local_channel.make_channel(tmp_path, "linux-64", INTERPRETER) != channel


def test_pip_that_cannot_be_had_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_channel, "PIP_VERSION", "0.0.0")
    with pytest.raises(local_channel.CondaError, match=r"gives pip 0\.0\.0"):
        local_channel.make_channel(tmp_path, "linux-64", INTERPRETER)
    assert {path.name for path in tmp_path.iterdir()} == {"lock"}


@pytest.mark.parametrize("interpreter", ["/nowhere/python3.11", "/bin/false"])
def test_missing_interpreter_is_named(tmp_path: Path, interpreter: str) -> None:
    with pytest.raises(local_channel.CondaError, match=f"no working Python 3.11 at {interpreter}"):
        local_channel.make_channel(tmp_path, "linux-64", Path(interpreter))


def test_other_python_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3.12.1\n")
    other.chmod(0o755)
    with pytest.raises(local_channel.CondaError, match=r"is Python 3\.12\.1"):
        local_channel.version_of(other)
