"""Files are written whole or not at all, and a damaged one is one sentence."""

from pathlib import Path

import numpy as np
import pytest

from layeraudit.errors import InputError
from layeraudit.files import (
    open_matrix,
    read_arrays,
    read_split,
    write_arrays,
    write_matrix,
    write_split,
    written_whole,
)
from layeraudit.splits import Split

SPLIT = Split(
    x=np.full((2, 1, 2, 2), 0.5, np.float32),
    y=np.array([1, 9]),
    y_true=np.array([9, 9]),
    is_poison=np.array([True, False]),
    source=np.array([5, 6]),
)


def test_a_fault_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_program_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with written_whole(path) as temporary:
        temporary.with_name(".partial-0123-a.txt").write_text("left by a killed program")
        temporary.write_text("whole")
    with written_whole(path) as temporary:
        temporary.write_text("whole")
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_of_two_that_write_one_file_the_later_wins_and_nothing_is_mixed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError), written_whole(path) as first:
        first.write_text("first")
        with written_whole(path) as second:
            second.write_text("second")
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_split_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_split(tmp_path / "split.npz", SPLIT)
    for name, value in vars(read_split(tmp_path / "split.npz")).items():
        np.testing.assert_array_equal(value, getattr(SPLIT, name))


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ValueError, match="holds Python objects"):
        write_arrays(tmp_path / "a.npz", objects=objects)
    assert not list(tmp_path.iterdir())
    np.savez(tmp_path / "a.npz", objects=objects)
    with pytest.raises(InputError, match="not a whole .npz file"):
        read_arrays(tmp_path / "a.npz", "objects")


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize("size", [0, 10, 100, 600])
def test_a_cut_file_is_one_sentence(size: int, tmp_path: Path) -> None:
    split, matrix = tmp_path / "split.npz", tmp_path / "matrix.npy"
    write_split(split, SPLIT)
    write_matrix(matrix, np.zeros((30, 40)))
    cut(split, size)
    cut(matrix, size)
    with pytest.raises(InputError, match="split.npz is not a whole .npz file"):
        read_split(split)
    with pytest.raises(InputError, match="matrix.npy is not a whole .npy file"):
        open_matrix(matrix, np.float64)


def test_a_flipped_byte_in_a_split_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    write_split(path, SPLIT)
    damaged = bytearray(path.read_bytes())
    damaged[200] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="split.npz"):
        read_split(path)


def test_a_missing_file_or_array_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.npz does not exist"):
        read_split(tmp_path / "none.npz")
    with pytest.raises(InputError, match="none.npy does not exist"):
        open_matrix(tmp_path / "none.npy", np.float64)
    write_arrays(tmp_path / "a.npz", x=SPLIT.x)
    with pytest.raises(InputError, match="a.npz lacks an array: y"):
        read_split(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("matrix", "rows"),
    [(np.zeros((3, 2), np.int64), 3), (np.zeros(3, np.float32), 3), (np.zeros((4, 2), np.float32), 3)],
)
def test_a_matrix_of_another_form_is_one_sentence(matrix: np.ndarray, rows: int, tmp_path: Path) -> None:
    write_matrix(tmp_path / "a.npy", matrix)
    with pytest.raises(InputError, match=r"a.npy is .*, allowed is float32 \[3, columns\]"):
        open_matrix(tmp_path / "a.npy", np.float32, rows=rows)
