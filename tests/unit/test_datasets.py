"""The checks of a data set's files, on files of three bytes."""

import hashlib
import re

import pytest

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


def test_mnist_has_60000_training_and_10000_test_images_of_ten_digits():
    mnist = DATASETS["mnist"]
    assert (len(mnist.train_counts), sum(mnist.train_counts)) == (10, 60000)
    assert (len(mnist.test_counts), sum(mnist.test_counts)) == (10, 10000)
