"""Files are written whole or not at all, and a damaged one is one sentence."""

import io
import zipfile
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from layeraudit.errors import InputError
from layeraudit.files import (
    MatrixWriter,
    atomic_write,
    atomic_write_folder,
    atomic_write_layers,
    list_arrays,
    open_array,
    open_layers,
    open_logits,
    open_matrix,
    read_arrays,
    read_rows,
    read_split,
    write_arrays,
    write_matrix,
    write_split,
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
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_program_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_write(path) as temporary:
        temporary.with_name(".partial-0123-a.txt").write_text("left by a killed program")
        temporary.write_text("whole")
    with atomic_write(path) as temporary:
        temporary.write_text("whole")
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_of_two_that_write_one_file_the_later_wins_and_nothing_is_mixed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError), atomic_write(path) as first:
        first.write_text("first")
        with atomic_write(path) as second:
            second.write_text("second")
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def read_all(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_written_whole_or_the_older_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "layers"
    for content in ("older", "newer"):
        with atomic_write_folder(folder) as temporary:
            assert not list(temporary.iterdir())
            (temporary / f"{content}.txt").write_text(content)
        assert read_all(tmp_path) == {f"new/layers/{content}.txt": content}
    with pytest.raises(RuntimeError), atomic_write_folder(folder) as temporary:
        (temporary / "half.txt").write_text("half")
        raise RuntimeError
    assert read_all(tmp_path) == {"new/layers/newer.txt": "newer"}
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_that_a_killed_program_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".partial-0123-layers"
    left.mkdir()
    (left / "half.txt").write_text("half")
    with atomic_write_folder(tmp_path / "layers") as temporary:
        (temporary / "whole.txt").write_text("whole")
    assert read_all(tmp_path) == {"layers/whole.txt": "whole"}
    assert [path.name for path in tmp_path.iterdir()] == ["layers"]


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize("batches", [[5], [2, 3], [1, 1, 3]])
def test_a_matrix_that_is_written_in_batches_is_read_as_one(
    batches: list[int], dtype: type, tmp_path: Path
) -> None:
    whole = np.arange(15).reshape(5, 3).astype(dtype)
    with MatrixWriter(tmp_path / "a.npy", dtype, rows=5) as matrix:
        for batch in np.split(whole, np.cumsum(batches)[:-1]):
            matrix.append(batch)
    assert matrix.shape == (5, 3)
    np.testing.assert_array_equal(open_matrix(tmp_path / "a.npy", dtype, rows=5), whole)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), whole)


def test_a_matrix_of_which_rows_are_missing_is_one_sentence(tmp_path: Path) -> None:
    with MatrixWriter(tmp_path / "a.npy", np.float32, rows=5) as matrix:
        matrix.append(np.zeros((3, 4), np.float32))
    with pytest.raises(InputError, match="a.npy is not a whole .npy file"):
        open_matrix(tmp_path / "a.npy", np.float32)


def test_rows_of_another_width_would_shift_the_others_and_are_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(
            InputError, match="a.npy has rows of 3 columns after rows of 4, allowed are rows of one"
        ),
        MatrixWriter(tmp_path / "a.npy", np.float32, rows=5) as matrix,
    ):
        matrix.append(np.zeros((3, 4), np.float32))
        matrix.append(np.zeros((2, 3), np.float32))


def test_layers_are_opened_from_input_to_output(tmp_path: Path) -> None:
    with atomic_write_layers(tmp_path / "all", ["relu1", "fc", "a layer"]) as folder:
        for number, name in enumerate(["relu1", "fc", "a layer"]):
            write_matrix(folder / f"{name}.npy", np.full((4, 2), number, np.float32))
    layers = open_layers(tmp_path / "all", np.float32, rows=4)
    assert list(layers) == ["relu1", "fc", "a layer"]
    assert [matrix[0, 0] for matrix in layers.values()] == [0, 1, 2]
    assert list(open_layers(tmp_path / "all", np.float32, names=["fc", "relu1"])) == ["fc", "relu1"]
    assert not any(matrix.flags.writeable for matrix in layers.values())
    with pytest.raises(InputError, match=r"relu1.npy is float32 \[4, 2\], allowed is float32 \[5, columns\]"):
        open_layers(tmp_path / "all", np.float32, rows=5)
    with pytest.raises(InputError, match="relu2.npy does not exist"):
        open_layers(tmp_path / "all", np.float32, names=["fc", "relu2"])
    with pytest.raises(InputError, match="layers.txt does not exist"):
        open_layers(tmp_path, np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_are_finite(value: float, tmp_path: Path) -> None:
    logits = np.arange(12, dtype=np.float32).reshape(4, 3)
    write_matrix(tmp_path / "test.npy", logits)
    np.testing.assert_array_equal(open_logits(tmp_path / "test.npy", rows=4), logits)
    with pytest.raises(InputError, match="test.npy is float32"):
        open_logits(tmp_path / "test.npy", rows=3)
    logits[2, 1] = value
    write_matrix(tmp_path / "test.npy", logits)
    with pytest.raises(InputError, match="test.npy holds NaN or infinity, allowed are finite numbers$"):
        open_logits(tmp_path / "test.npy", rows=4)


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


def npy(header: str, data: bytes = bytes(48)) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def described(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


def npz(member: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in vars(SPLIT):
            archive.writestr(f"{name}.npy", member)
    return file.getvalue()


MEMBERS = {
    "no dimension": npy(described("()")),
    "more rows than memory": npy(described(f"({10**17}, 4)")),
    "more rows than an integer holds": npy(described(f"({10**30}, 4)")),
    "rows below 0": npy(described("(-3, 4)")),
    "no rows": npy(described("(0, 4)")),
    "a fraction of rows": npy(described("(3.5, 4)")),
    "objects": npy(described("(3, 4)", "'|O'")),
    "no type": npy(described("(3, 4)", "','")),
    "a header that does not end": npy("{'descr': (\n"),
    "a header that is indented": npy("  {\n }\n   3L\n 'a"),
    "a header nested too deeply": npy("(" * 500),
    "a header that is too long": npy(described("(3, 4)") + " " * 20_000),
    "nothing": b"",
}
packed = bytearray(npz(npy(described("(3, 4)")), zipfile.ZIP_DEFLATED))
packed[60:70] = b"\xff" * 10
DAMAGED = {
    **MEMBERS,
    **{f"members of {name}": npz(member) for name, member in MEMBERS.items()},
    "compressed members, damaged": bytes(packed),
    "another way to compress": npz(npy(described("(3, 4)"))).replace(b"PK\x01\x02\x14", b"PK\x01\x02\xff"),
    "a matrix": npy(described("(3, 4)")),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.filterwarnings("ignore")  # NumPy's own, of headers
def test_whatever_a_file_holds_is_one_sentence_that_names_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    for read in (
        lambda: read_arrays(path, "x"),
        lambda: read_split(path),
        lambda: open_matrix(path, np.float32, rows=30),
    ):
        try:
            read()
        except InputError as error:
            assert str(error).startswith(str(path))
            assert str(error).isprintable()
            assert len(str(error)) < len(str(path)) + 300
        else:
            assert content.startswith(b"PK")  # and one array is whole, whatever it should be


def test_what_is_no_file_or_may_not_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    for read in (read_split, partial(open_matrix, dtype=np.float32)):
        with pytest.raises(InputError, match=f"^{tmp_path} cannot be read: Is a directory$"):
            read(tmp_path)
        with pytest.raises(InputError, match="nowhere does not exist$"):
            read(tmp_path / "nowhere")
        with pytest.raises(InputError, match="cannot be read: File name too long$"):
            read(tmp_path / ("a" * 300))

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # root may read everything
    monkeypatch.setattr("numpy.load", refuse)
    for read in (read_split, partial(open_matrix, dtype=np.float32)):
        with pytest.raises(InputError, match="a.npz cannot be read: Permission denied$"):
            read(tmp_path / "a.npz")


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


def test_a_fault_leaves_the_older_folder(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()
    (tmp_path / "board/index.html").write_text("older")
    with pytest.raises(OSError, match="full"), atomic_write_folder(tmp_path / "board") as folder:
        (folder / "index.html").write_text("newer")
        raise OSError("the disk is full")
    assert [path.name for path in (tmp_path / "board").iterdir()] == ["index.html"]
    assert (tmp_path / "board/index.html").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["board"]


@given(
    npst.arrays(
        st.sampled_from(["<f2", "<f4", ">f8", "u1", "<i8"]),
        npst.array_shapes(min_dims=1, max_dims=4, max_side=5),
        elements=st.integers(0, 100),
    ),
    st.data(),
)
def test_rows_are_copied_from_the_file_that_an_array_is_mapped_from(
    array: np.ndarray[Any, Any], data: st.DataObject
) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, len(array) - 1), max_size=9)), np.int64)
    order = data.draw(st.sampled_from("CF"))
    with TemporaryDirectory() as folder:
        path = Path(folder, "array.npy")
        np.save(path, np.asarray(array, order=order))
        mapped = open_array(path)
        read = read_rows(mapped, rows)
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array[rows])
        np.testing.assert_array_equal(read_rows(array, rows), array[rows])
        np.testing.assert_array_equal(read_rows(mapped[::-1], rows), array[::-1][rows])
        np.testing.assert_array_equal(read_rows(mapped[1:], rows[rows > 0] - 1), array[rows[rows > 0]])


def test_rows_of_a_file_that_has_become_shorter_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.zeros((10, 4)))
    mapped = open_array(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert read_rows(mapped, np.array([8, 0])).shape == (2, 4)
    with pytest.raises(
        InputError, match="array.npy has become shorter, allowed are files that stay as they are"
    ):
        read_rows(mapped, np.array([9]))


def test_the_arrays_of_a_file_are_listed(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", x=np.zeros(2), ids=np.array(["a"]))
    assert list_arrays(tmp_path / "a.npz") == ["x", "ids"]
    with pytest.raises(InputError, match="none.npz does not exist$"):
        list_arrays(tmp_path / "none.npz")
