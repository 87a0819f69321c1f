"""The checks of a data set's files, on files of three bytes, and how a Debian package gives them."""

import gzip
import hashlib
import re
from dataclasses import replace

import pytest

from fetch_dataset import fetch_debian
from layeraudit.datasets import DATASETS, verify
from layeraudit.errors import InputError

CONTENT = {"images": b"\0\1\2", "labels": b""}
CHECKSUMS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


@pytest.fixture
def folder(tmp_path):
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_the_original_files_pass_and_others_may_lie_beside_them(folder):
    (folder / "readme").touch()
    verify(folder, CHECKSUMS)


@pytest.mark.parametrize("content", [b"\0\1\3", b"\0\1", b"", b"\0\1\2\0"])
def test_a_file_with_other_bytes_is_named_with_both_checksums(folder, content):
    (folder / "images").write_bytes(content)
    with pytest.raises(InputError) as caught:
        verify(folder, CHECKSUMS)
    for part in str(folder / "images"), hashlib.sha256(content).hexdigest(), CHECKSUMS["images"]:
        assert part in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_missing_file_is_named_with_all_that_are_needed(folder, make):
    (folder / "labels").unlink()
    make(folder / "labels")
    with pytest.raises(
        InputError, match=re.escape(f"{folder / 'labels'} does not exist") + ".*images, labels"
    ):
        verify(folder, CHECKSUMS)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_there_are_60000_training_and_10000_test_images_of_ten_classes(name):
    dataset = DATASETS[name]
    assert (len(dataset.train_counts), sum(dataset.train_counts)) == (10, 60000)
    assert (len(dataset.test_counts), sum(dataset.test_counts)) == (10, 10000)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_one_package_has_the_four_files_of_a_data_set(dataset):
    assert (dataset.npm_package is None) != (dataset.debian_package is None)
    assert sorted(dataset.checksums) == sorted(DATASETS["mnist"].checksums)
    assert len(set(dataset.checksums.values())) == 4


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Put an apt-get and a dpkg-deb on the PATH whose package has the two files, gzipped."""
    package, programs = tmp_path / "package", tmp_path / "programs"
    files = package / DATASETS["fashion_mnist"].package_folder
    files.mkdir(parents=True)
    programs.mkdir()
    for name, content in CONTENT.items():
        (files / f"{name}.gz").write_bytes(gzip.compress(content))
    (programs / "apt-get").write_text('#!/bin/sh\nfor last; do :; done\n: > "${last}_1_all.deb"\n')
    (programs / "dpkg-deb").write_text(f'#!/bin/sh\ncp -r "{package}/." "$3"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return programs


def test_the_files_of_a_debian_package_are_gunzipped(apt, tmp_path):
    folder = tmp_path / "fetched"
    folder.mkdir()
    dataset = replace(DATASETS["fashion_mnist"], checksums=CHECKSUMS)
    verify(fetch_debian(dataset, folder), CHECKSUMS)


def test_an_apt_that_reaches_nothing_is_told_with_its_reason(apt, tmp_path):
    (apt / "apt-get").write_text("#!/bin/sh\necho W: no >&2\necho E: nothing there >&2\nexit 100\n")
    with pytest.raises(InputError, match="dataset-fashion-mnist .*E: nothing there.*--folder"):
        fetch_debian(DATASETS["fashion_mnist"], tmp_path)


def test_no_apt_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="no apt-get is on the PATH.*--folder"):
        fetch_debian(DATASETS["fashion_mnist"], tmp_path)
