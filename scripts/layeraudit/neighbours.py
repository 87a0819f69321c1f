"""Exact nearest neighbours.

`build` makes an index of reference rows, `load` reads one that was saved, and `search` finds for each
query the k nearest reference rows, nearest first, those at the same distance by row number. What an
index promises is its answer, not its method: a quicker engine takes the place of the flat one here.

The distance is the Euclidean one, computed in float64 on float32 rows. `cosine` first scales each row to
length 1 (the mean of the rows, which the DkNN authors' code subtracts next, cancels in a distance). A row
of zeros, as dead ReLUs make it, has no direction and stays zero: at distance 0 from its like, and 1, but for
the rounding of the scaled rows, from all others.
"""

import json
from pathlib import Path
from typing import Literal, get_args

import faiss
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from layeraudit.errors import InputError
from layeraudit.files import written_whole

Metric = Literal["cosine", "l2"]

ROWS_AT_ONCE = 256
"""Rows that are scaled, or sought, together: it bounds the memory beside the index."""

LONGEST_ROW = 2.0**62
"""Length beyond which a squared distance may be more than float32 holds."""

SPARE_CANDIDATES = 32
"""Candidates that faiss is asked for beyond k, so that one search is mostly enough."""


class FlatIndex:
    """All reference rows in a flat faiss index, whose float32 answers are then made exact."""

    def __init__(self, index: faiss.IndexFlatL2, metric: Metric) -> None:
        self._index = index
        self._metric = metric
        self._rows = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
        self._longest = max(_lengths(self._rows[block]).max() for block in _blocks(self._rows))

    def search(
        self, queries: NDArray[np.float32], k: int, *, exclude_self: bool = False
    ) -> NDArray[np.int64]:
        """Find the k nearest reference rows of each query.

        Parameters
        ----------
        queries : float32 [q, d], finite
        k : from 1 to the number of reference rows
        exclude_self : query i is reference row i, and is no neighbour of its own

        Returns
        -------
        int64 [q, k], nearest first, ties by row number

        Raises
        ------
        InputError
            Where k, the shape or a value is not allowed.
        """
        n, d = self._rows.shape
        available = n - exclude_self
        if not 1 <= k <= available:
            raise InputError(f"k is {k}, allowed are 1 to {available}, the rows that can be neighbours")
        if queries.ndim != 2 or queries.shape[1] != d:
            raise InputError(f"the queries are {list(queries.shape)}, allowed are [any number, {d}]")
        if exclude_self and len(queries) != n:
            raise InputError(f"{len(queries)} queries are not the {n} reference rows that they should be")
        found = np.empty((len(queries), k), dtype=np.int64)
        for block in tqdm(_blocks(queries), desc="blocks of queries", disable=None):
            own_rows = np.arange(block.start, block.stop) if exclude_self else None
            prepared = _prepare(queries[block], self._metric, block.start)
            found[block] = self._search_block(prepared, k, own_rows)
        return found

    def _search_block(
        self, queries: NDArray[np.float32], k: int, own_rows: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Widen the candidates of each query until none outside them can be nearer than the k-th.

        faiss computes a squared distance in float32, for few rows as the sum of squared differences, for
        many as |x|^2 + |y|^2 - 2xy. Sums of d products, in whatever order, make either wrong by no more than
        g / (1 - g) (|x| + |y|)^2 with g = (d + 3) 2^-24 (Higham, Accuracy and Stability of Numerical
        Algorithms, section 3.1).
        """
        n, d = self._rows.shape
        found = np.empty((len(queries), k), dtype=np.int64)
        rounding = (d + 3) * 2.0**-24
        errors = rounding / (1 - rounding) * (_lengths(queries) + self._longest) ** 2
        open_queries = np.arange(len(queries))
        width = min(k + 1 + SPARE_CANDIDATES, n)
        while len(open_queries):
            distances, candidates = self._index.search(queries[open_queries], width)
            still_open = []
            for query, furthest, rows in zip(open_queries, distances[:, -1], candidates, strict=True):
                if own_rows is not None:
                    rows = rows[rows != own_rows[query]]
                differences = self._rows[rows] - queries[query].astype(np.float64)
                exact = np.einsum("nd,nd->n", differences, differences)
                order = np.lexsort((rows, exact))[:k]
                found[query] = rows[order]
                if width < n and exact[order[-1]] >= furthest - errors[query]:
                    still_open.append(query)
            open_queries = np.array(still_open, dtype=np.int64)
            width = min(2 * width, n)
        return found

    def save(self, path: Path) -> None:
        """Write the index to `path`, and its metric beside it, to `path` with the suffix .json."""
        with written_whole(path) as temporary:
            try:
                faiss.write_index(self._index, str(temporary))
            except RuntimeError as error:
                raise OSError(f"{path} cannot be written: {' '.join(str(error).split())}") from None
        with written_whole(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps({"engine": "flat", "metric": self._metric}) + "\n")


def build(reference: NDArray[np.float32], metric: Metric) -> FlatIndex:
    """Index the reference rows.

    Parameters
    ----------
    reference : float32 [n, d], finite, one row or more; may be mapped from a file

    Raises
    ------
    InputError
        Where the shape, the type or a value is not allowed; a value, with its row.
    """
    if reference.ndim != 2 or 0 in reference.shape or reference.dtype != np.float32:
        raise InputError(
            f"the reference is {reference.dtype} {list(reference.shape)}, "
            "allowed is float32 [rows, columns], one row or more"
        )
    index = faiss.IndexFlatL2(reference.shape[1])
    for block in tqdm(_blocks(reference), desc="blocks of reference rows", disable=None):
        index.add(_prepare(reference[block], metric, block.start))
    return FlatIndex(index, metric)


def load(path: Path) -> FlatIndex:
    """Read an index that `save` wrote.

    Raises
    ------
    InputError
        Where one of its two files is missing or damaged.
    """
    try:
        description = json.loads(path.with_suffix(".json").read_text())
        index = faiss.read_index(str(path))
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} is not a whole index: {str(error).splitlines()[0]}") from None
    if description not in [{"engine": "flat", "metric": metric} for metric in get_args(Metric)]:
        raise InputError(f"{path} is not a whole index: {path.with_suffix('.json').name} is {description}")
    if type(index) is not faiss.IndexFlatL2:
        raise InputError(f"{path} is a {type(index).__name__}, allowed is an IndexFlatL2")
    return FlatIndex(index, description["metric"])


def _blocks(rows: NDArray[np.float32]) -> list[slice]:
    return [slice(i, min(i + ROWS_AT_ONCE, len(rows))) for i in range(0, len(rows), ROWS_AT_ONCE)]


def _lengths(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return lengths


def _prepare(rows: NDArray[np.float32], metric: Metric, first_row: int) -> NDArray[np.float32]:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise InputError(
            f"row {first_row + finite.argmin()} holds NaN or infinity, allowed are finite numbers"
        )
    if metric == "cosine":
        lengths = _lengths(rows)
        rows = (rows / np.where(lengths == 0, 1, lengths)[:, None]).astype(np.float32)
    elif (lengths := _lengths(rows)).max() > LONGEST_ROW:
        raise InputError(
            f"row {first_row + lengths.argmax()} has the length {lengths.max():.3g}, "
            f"allowed are up to {LONGEST_ROW:.3g}"
        )
    return np.ascontiguousarray(rows, dtype=np.float32)
