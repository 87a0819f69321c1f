"""The files of a run: each is written whole or not at all, and checked when it is read."""

import csv
import json
import math
import mmap
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, cast, get_args
from uuid import uuid4
from zipfile import ZipFile

import numpy as np
from numpy.typing import DTypeLike, NDArray

from layeraudit.blocks import split_rows
from layeraudit.datasets import Images
from layeraudit.dknn import Mode
from layeraudit.errors import InputError
from layeraudit.splits import Split

LAYERS = "layers.txt"
"""Lists the layers of a folder, a line each, from input to output."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` to write to, and rename it to `path` at the end.

    Where the block raises, the temporary file is removed and an older `path` stays as it was. What a
    killed process left is removed by the next that writes `path`; should the older one be alive, it
    ends in an error instead of the two writing one file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".partial-*-{escape(path.name)}"):
        left.unlink(missing_ok=True)
    temporary = path.with_name(f".partial-{uuid4().hex}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_write_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` to write to, and rename it to `path` at the end.

    Where the block raises, the temporary folder is removed and an older `path` stays as it was. What a
    killed process left is removed by the next that writes `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".partial-*-{escape(path.name)}"):
        shutil.rmtree(left)
    temporary, older = (path.with_name(f".partial-{uuid4().hex}-{path.name}") for _ in range(2))
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            path.replace(older)
        temporary.replace(path)
    finally:
        for left in (temporary, older):
            shutil.rmtree(left, ignore_errors=True)


def write_arrays(path: Path, **arrays: NDArray[np.generic]) -> None:
    """Write named arrays to an `.npz`.

    Raises
    ------
    ValueError
        Where one holds Python objects.
    """
    for name, array in arrays.items():
        # The older NumPy that secml needs takes `allow_pickle` for one more array.
        if array.dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which no file of a run may")
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path, *names: str) -> list[NDArray[np.generic]]:
    """Read the named arrays of an `.npz`.

    Raises
    ------
    InputError
        Where the file is missing, is no `.npz`, is damaged, or lacks one of the names.
    """
    with read_whole(path, ".npz"), np.load(path, allow_pickle=False) as arrays:
        found = []
        for name in names:
            if name not in arrays:
                raise InputError(f"{path} lacks an array: {name}")
            found.append(arrays[name])
            if not isinstance(found[-1], np.ndarray):  # NumPy returns the bytes of a member that is no .npy
                raise ValueError(f"{name} is no array")
        return found


def list_arrays(path: Path) -> list[str]:
    """List the names of the arrays of an `.npz`.

    Raises
    ------
    InputError
        As `read_arrays` does.
    """
    with read_whole(path, ".npz"), np.load(path, allow_pickle=False) as arrays:
        return list(arrays)


def read_array_rows(path: Path, name: str, rows: Iterable[int]) -> Iterator[NDArray[Any]]:
    """Yield rows of the named array of an `.npz`, one in memory at a time.

    Parameters
    ----------
    rows : ascending

    Raises
    ------
    InputError
        Where the file is missing, is no `.npz`, is damaged, or lacks the name or a row.
    """
    with read_whole(path, ".npz"), ZipFile(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise InputError(f"{path} lacks an array: {name}")
        with archive.open(f"{name}.npy") as file:
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[np.lib.format.read_magic(file)]
            shape, is_fortran, dtype = read_header(file)
            if is_fortran and len(shape) > 1:
                raise ValueError(f"{name} lies in memory column by column")
            size, start = math.prod(shape[1:]) * dtype.itemsize, file.tell()
            for row in rows:
                if not 0 <= row < shape[0]:
                    raise InputError(f"{path} has {shape[0]} rows of {name}, row {row} is none of them")
                file.seek(start + row * size)
                yield np.frombuffer(file.read(size), dtype).reshape(shape[1:])


@contextmanager
def read_whole(path: Path, form: str) -> Iterator[None]:
    """Turn what reading a file raises into one sentence: for damaged bytes a library raises nearly anything.

    Raises
    ------
    InputError
        Where the file is missing, cannot be read, or is damaged.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path} is not a whole {form} file: {reason}") from None


def open_array(path: Path) -> NDArray[Any]:
    """Map an `.npy` into memory, read-only.

    Raises
    ------
    InputError
        Where the file is missing, is no `.npy`, or is cut short.
    """
    with read_whole(path, ".npy"):
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    return array


def read_rows(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Copy rows of an array, from the file where `open_array` has mapped it.

    Rows that are touched through the mapping bring in far more of the file than they are, and it counts as
    this process's memory.

    Raises
    ------
    InputError
        Where the file has become shorter.
    """
    if not (isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and array.flags.c_contiguous):
        return np.asarray(array[rows])
    read = np.empty((len(rows), array[:1].size), dtype=array.dtype)
    size = array[:1].nbytes
    with Path(array.filename).open("rb", buffering=0) as file:
        for row, into in zip(rows.tolist(), read, strict=True):
            file.seek(array.offset + row * size)
            if file.readinto(into.data) != size:
                raise InputError(
                    f"{array.filename} has become shorter, allowed are files that stay as they are"
                )
    return read.reshape(len(rows), *array.shape[1:])


def write_dataset(path: Path, images: Images) -> None:
    """Write a data set in the form that `Images` describes."""
    arrays = vars(images) | {"n_train": np.array(images.n_train), "classes": np.array(images.classes)}
    write_arrays(path, **arrays)


def read_dataset(path: Path) -> Images:
    """Read a data set, and check that it is one.

    Raises
    ------
    InputError
        Where the file cannot be read, or its arrays do not fit together.
    """
    x, y, n_train, classes, ids = read_arrays(path, *Images.__dataclass_fields__)
    try:
        return Images(
            x.astype(np.uint8, copy=False),
            y.astype(np.int64, copy=False),
            int(n_train.item()),
            tuple(map(str, classes)),
            ids.astype(np.str_, copy=False),
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def write_split(path: Path, split: Split) -> None:
    """Write a split in the form that `Split` describes."""
    write_arrays(path, **vars(split) | {"n_classes": np.array(split.n_classes)})


def read_split(path: Path) -> Split:
    """Read a split, and check that it is one.

    Raises
    ------
    InputError
        Where the file cannot be read, or its arrays do not fit together.
    """
    names = Split.__dataclass_fields__
    arrays = dict(zip(names, read_arrays(path, *names), strict=True))
    try:
        return Split(**arrays)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def open_matrix(path: Path, dtype: DTypeLike, *, rows: int | None = None) -> NDArray[Any]:
    """Map an `.npy` of two dimensions into memory, read-only.

    Parameters
    ----------
    dtype : the type that it is to have
    rows : the rows that it is to have, where that is known

    Raises
    ------
    InputError
        Where the file is missing, is no `.npy`, is cut short, or is of another type or shape.
    """
    matrix = open_array(path)
    if matrix.dtype != dtype or matrix.ndim != 2 or len(matrix) != (len(matrix) if rows is None else rows):
        raise InputError(
            f"{path} is {matrix.dtype} {list(matrix.shape)}, "
            f"allowed is {np.dtype(dtype)} [{'rows' if rows is None else rows}, columns]"
        )
    return matrix


def read_calibration(path: Path) -> tuple[NDArray[np.int64], Mode]:
    """Read what `calibrate` wrote: nonconformity, int64 [n_calibration], and the mode of its p-values.

    Raises
    ------
    InputError
        Where the file cannot be read, or holds something else.
    """
    nonconformity, mode = read_arrays(path, "nonconformity", "mode")
    if nonconformity.dtype != np.int64 or nonconformity.ndim != 1 or str(mode) not in get_args(Mode):
        raise InputError(f"{path} holds no nonconformity int64 [n] with a mode of {get_args(Mode)}")
    return nonconformity.astype(np.int64), cast(Mode, str(mode))


@contextmanager
def atomic_write_layers(path: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield a temporary folder for files a layer, as `atomic_write_folder` does, that lists the layers.

    Parameters
    ----------
    names : the layers, from input to output
    """
    with atomic_write_folder(path) as folder:
        (folder / LAYERS).write_text("".join(f"{name}\n" for name in names))
        yield folder


def open_layers(
    folder: Path, dtype: DTypeLike, *, rows: int | None = None, names: Sequence[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Map the `{layer}.npy` of a folder into memory, read-only, from input to output.

    Parameters
    ----------
    dtype, rows : as `open_matrix` takes them
    names : layers of the folder, in an order of their own; all unless they are named

    Raises
    ------
    InputError
        Where the folder does not list its layers, and as `open_matrix` does.
    """
    if names is None:
        with read_whole(folder / LAYERS, "text"):
            names = (folder / LAYERS).read_text().split("\n")[:-1]
    return {name: open_matrix(folder / f"{name}.npy", dtype, rows=rows) for name in names}


def open_logits(path: Path, *, rows: int) -> NDArray[np.float32]:
    """Map logits, float32 [rows, classes], into memory, read-only.

    Raises
    ------
    InputError
        As `open_matrix` does, and where one is not finite.
    """
    logits = open_matrix(path, np.float32, rows=rows)
    for some in split_rows(rows, logits[:1].nbytes):
        if not np.isfinite(logits[some]).all():
            raise InputError(f"{path} holds NaN or infinity, allowed are finite numbers")
    return logits


class MatrixWriter:
    """Writes an `.npy` of two dimensions batch after batch, without holding it in memory."""

    def __init__(self, path: Path, dtype: DTypeLike, *, rows: int) -> None:
        self._file = path.open("wb")
        self._dtype, self._rows = np.dtype(dtype).newbyteorder("<"), rows
        self.shape: tuple[int, int] | None = None

    def __enter__(self) -> "MatrixWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, values: NDArray[np.generic]) -> None:
        """Write the next rows; the first of them tell how many columns there are.

        Raises
        ------
        InputError
            Where there are others: every later row would be shifted.
        """
        if self.shape and values.shape[1] != self.shape[1]:
            raise InputError(
                f"{self._file.name} has rows of {values.shape[1]} columns after rows of {self.shape[1]}, "
                "allowed are rows of one width"
            )
        if self.shape is None:
            self.shape = (self._rows, values.shape[1])
            header = {"descr": self._dtype.str, "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_2_0(self._file, header)
        self._file.write(values.astype(self._dtype).tobytes())


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as `.csv`; what a row lacks is left empty."""
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write names and their values as JSON."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read names and their values from JSON.

    Raises
    ------
    InputError
        Where the file is missing, or holds something else.
    """
    with read_whole(path, ".json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no names")
    return content


def write_matrix(path: Path, matrix: NDArray[np.generic]) -> None:
    """Write one array to an `.npy`."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.save(file, matrix, allow_pickle=False)
