"""The rows among which neighbours are sought, as the distance sees them.

The distance is the Euclidean one between float32 rows. `cosine` first scales each row to length 1, in
float32: row times the reciprocal of its length, both rounded. (The mean of the rows, which the DkNN authors'
code subtracts next, cancels in a distance.) A row of zeros, as dead ReLUs make it, has no direction and stays
zero: at distance 0 from its like, and 1, but for the rounding, from all others.
"""

import hashlib
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from io import FileIO
from itertools import pairwise
from typing import Any, Literal, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from layeraudit.errors import InputError
from layeraudit.neighbours.pairs import measure_exactly

Metric = Literal["cosine", "l2"]

LONGEST_ROW = 2.0**60
"""Length beyond which a squared distance, or what bounds it, may be more than float32 holds."""

UNIT_ROUNDOFF = 2.0**-24
"""Relative error of one float32 operation."""

UNDERFLOW = 2.0**-126
"""Absolute error of one float32 operation whose result is too small to be a normal number."""

READ_AT_ONCE = 2**23
"""Bytes of rows that a thread has in hand, so that they stay in the processor's cache."""

CHECKED_ROWS = 64

SMALLEST_FACTOR = 2.0**-100
"""Rows are scaled in float32 by factors between this and its reciprocal, and in float64 by others."""


def rounding_of_sum(terms: int) -> float:
    """Bound the relative error of a float32 sum of products, whatever the order of its terms.

    Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: gamma_n = n u / (1 - n u), against
    the sum of the absolute values.
    """
    return terms * UNIT_ROUNDOFF / (1 - terms * UNIT_ROUNDOFF)


@contextmanager
def worker_threads(threads: int) -> Iterator[Executor]:
    """Yield an executor whose tasks each compute on one core, so that `threads` are busy in all."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        with (
            threadpool_limits(1, user_api="blas"),
            ThreadPoolExecutor(threads, initializer=faiss.omp_set_num_threads, initargs=(1,)) as executor,
        ):
            yield executor
    finally:
        faiss.omp_set_num_threads(before)


_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def do_all(
    function: Callable[[_Task], _Result], tasks: Sequence[_Task], executor: Executor, description: str
) -> list[_Result]:
    """Call a function with each task, in parallel, and show on a terminal how many are done."""
    done = executor.map(function, tasks)
    return list(tqdm(done, description, len(tasks), leave=False, disable=None))


class Rows:
    """Rows of a matrix, scaled as the metric says when they are taken.

    Parameters
    ----------
    matrix : float32 [n, d]; may be mapped from a file, which is then read when rows are taken
    metric : cosine or l2
    executor : measures the rows in parallel
    lengths : float64 [n], where they are known
    first_row : the number of the first row, for what is said of one

    Raises
    ------
    InputError
        Where the shape, the type or a value is not allowed; a value, with its row.
    """

    def __init__(
        self,
        matrix: NDArray[np.float32],
        metric: Metric,
        executor: Executor,
        *,
        lengths: NDArray[np.float64] | None = None,
        first_row: int = 0,
    ) -> None:
        if matrix.ndim != 2 or 0 in matrix.shape or matrix.dtype != np.float32:
            raise InputError(
                f"the rows are {matrix.dtype} {list(matrix.shape)}, "
                "allowed is float32 [rows, columns], one row or more"
            )
        self.matrix = matrix
        self.metric = metric
        self._file, self._offset = _open_file(matrix)
        if lengths is None:
            lengths = np.concatenate(do_all(self._measure, self.blocks(), executor, "measuring rows"))
        if not np.isfinite(lengths).all():
            row = first_row + np.isfinite(lengths).argmin()
            raise InputError(f"row {row} holds NaN or infinity, allowed are finite numbers")
        if metric == "l2" and lengths.max() > LONGEST_ROW:
            raise InputError(
                f"row {first_row + lengths.argmax()} has the length {lengths.max():.3g}, "
                f"allowed are up to {LONGEST_ROW:.3g}"
            )
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def dimensions(self) -> int:
        """The number of columns."""
        return int(self.matrix.shape[1])

    @property
    def scaled_lengths(self) -> NDArray[np.float64]:
        """The lengths of the rows as they are taken, but for the rounding of their elements."""
        return (self.lengths > 0).astype(np.float64) if self.metric == "cosine" else self.lengths

    @property
    def checksum(self) -> str:
        """SHA-256 of some of the rows, evenly spread, by which others are told from these."""
        some = np.linspace(0, len(self) - 1, min(len(self), CHECKED_ROWS)).astype(np.int64)
        return hashlib.sha256(self._read(some).tobytes()).hexdigest()

    def blocks(self, rows: int | None = None) -> list[slice]:
        """Cut all rows, or so many, into stretches that a thread has in hand at once."""
        rows = len(self) if rows is None else rows
        step = max(1, READ_AT_ONCE // (4 * self.dimensions))
        return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]

    def take(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Return some rows, scaled, as a C-contiguous copy."""
        taken, factors = self.take_raw(rows)
        return np.multiply(taken, factors, out=taken)

    def take_raw(self, rows: NDArray[np.int64] | slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a copy of some rows, and the float32 factors [rows, 1] that scale them."""
        taken = self._read(rows)
        factors = self._factors(rows)[:, None]
        extreme = np.flatnonzero(_are_extreme(factors))
        if len(extreme):
            taken[extreme] = taken[extreme] * factors[extreme]
            factors[extreme] = 1
        return taken, factors.astype(np.float32)

    @cached_property
    def in_place(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """All rows where they lie, C-contiguous, and the float32 factors [n] that scale them.

        They are a copy only where float32 has no such factors, or they are not contiguous. Those of a mapped
        file count as this process's memory until they are let go.
        """
        factors = self._factors(slice(None))
        if _are_extreme(factors).any():
            return self.take(slice(None)), np.ones(len(self), np.float32)
        return np.ascontiguousarray(self.matrix), factors.astype(np.float32)

    def release(self) -> None:
        """Release the memory of rows that were used where they lie."""
        if self._file is not None:
            _mapped(self.matrix).base.madvise(mmap.MADV_DONTNEED)

    def _factors(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        lengths = self.lengths[rows]
        return np.ones(len(lengths)) if self.metric == "l2" else 1 / np.where(lengths == 0, 1, lengths)

    def _measure(self, block: slice) -> NDArray[np.float64]:
        origin = np.zeros((1, self.dimensions), np.float32)
        lengths: NDArray[np.float64] = np.sqrt(measure_exactly(self._read(block), origin))
        return lengths

    def _read(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Copy some rows; from the file, where the matrix is mapped from one.

        Rows that are touched through the mapping bring in far more of the file than they are, and it counts
        as this process's memory.
        """
        if self._file is None:
            return np.array(self.matrix[rows])
        wanted = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        read = np.empty((len(wanted), self.dimensions), np.float32)
        starts = np.flatnonzero(np.diff(wanted, prepend=-2) != 1).tolist()
        size = 4 * self.dimensions
        for start, stop in pairwise([*starts, len(wanted)]):
            bytes_left = read[start:stop].data.cast("B")
            position = self._offset + int(wanted[start]) * size
            while bytes_left:
                count = os.preadv(self._file.fileno(), [bytes_left], position)
                if not count:
                    raise InputError(f"{self._file.name} has become shorter")
                bytes_left, position = bytes_left[count:], position + count
        return read


def _are_extreme(factors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which factors are not for float32."""
    extreme: NDArray[np.bool_] = (factors < SMALLEST_FACTOR) | (factors > 1 / SMALLEST_FACTOR)
    return extreme


def _mapped(matrix: NDArray[np.float32]) -> Any:
    """Return the array that was mapped from a file and that this one is a part of, if there is one."""
    mapped: Any = matrix
    while isinstance(mapped, np.ndarray) and not isinstance(mapped.base, mmap.mmap):
        mapped = mapped.base
    return mapped


def _open_file(matrix: NDArray[np.float32]) -> tuple[FileIO | None, int]:
    """Open the file that a matrix is mapped from, and give where in it the first row lies."""
    mapped = _mapped(matrix)
    if (
        not isinstance(mapped, np.memmap)
        or mapped.filename is None
        or mapped.mode == "c"
        or not matrix.flags.c_contiguous
    ):
        return None, 0
    return FileIO(mapped.filename), mapped.offset + matrix.ctypes.data - mapped.ctypes.data
