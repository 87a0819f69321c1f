"""Exact neighbours in wide layers, of which little is looked at.

Every row x is represented by a point of few dimensions whose distances are lower bounds on those of the rows.
With the orthonormal columns of a basis V, and x relative to some origin, it is (V'x, rest(x)), where
rest(x)^2 = |x|^2 - |V'x|^2: by the triangle inequality in the complement of V,

    |x - y|^2 >= |V'x - V'y|^2 + (rest(x) - rest(y))^2.

The points are parted into cells of similar ones, and each cell bounds the distances of its points in the same
way, with the principal directions of its own for V. A query asks

1. its own cell, for a radius that is likely to hold k neighbours: the k-th smallest of |V'x - V'y|^2 +
   rest(x)^2 + rest(y)^2, which is the squared distance where the rests are orthogonal;
2. each cell, by one matrix product, for the rows that are within the radius by the cell's bound;
3. these, by the bound of V;
4. those that are left, for their distances, and their order.

Should the k-th neighbour lie beyond the radius, the query starts again with one that is known to hold k rows:
the distance of the k-th found, or that which opposite rests would give. So the answer rests on the bounds
alone, and not on what is likely. Rounding displaces the points; by how much at most is computed beside them,
and the radius is wider by that.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Self

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from layeraudit.neighbours.ordering import order_candidates, sort_key
from layeraudit.neighbours.pairs import MOST_COLUMNS, measure_exactly, select_pairs
from layeraudit.neighbours.rows import UNDERFLOW, UNIT_ROUNDOFF, Rows, do_all, rounding_of_sum

NARROW = MOST_COLUMNS
"""Layers up to so many columns are not projected: their points are the rows."""

PROJECTED_DIMENSIONS = 319
"""Columns of V; a point has one more, the rest."""

SAMPLED_ROWS = 1536
"""Rows whose mean is the origin, and whose principal directions are the columns of V."""

COLUMNS_AT_ONCE = 512
"""Columns that are projected together: the fewer, the tighter the bound on the rounding."""

CELL_ROWS = 2000
"""Rows of a cell, on average."""

GROUP_ROWS = 64
"""Rows of a group within a cell, on average."""

CELL_DIMENSIONS = 32
"""Principal directions of a cell."""

QUERIES_AT_ONCE = 512

MOST_PAIRS = 5 * 2**19
"""Candidates that are held at once, unless one query alone has more.

As many again are being found, `TILES_AT_ONCE` tiles at once.
"""

CELL_ROUNDING = 2.0**-18
"""How far rounding moves a point within a cell, relative to the largest point.

Coordinates in a cell are computed in float64 from points of D <= 512 dimensions relative to their mean, so
that a squared rest is wrong by less than 16 (D + 2) 2^-53 < 2^-39 times the largest squared length, and its
root by less than 2^-19; rounding them to float32 adds less than 2^-23.
"""

PROBED_ROWS, PROBED_NEIGHBOURS = 256, 50
"""Rows of which it is asked how many others their cells leave, and neighbours that they seek."""

PRODUCT_SPEED = 5
"""How many times faster a matrix product is than distances of single pairs, a column."""

RELATIVE_NOISE = 1e-7
"""Variances that are smaller, relative to the largest, are rounding."""

LEADING_DIMENSIONS = 128
"""Dimensions of the points, the first of V, in which a cell seeks its directions."""

CELLS_BEFORE_A_NARROWER_RADIUS = 4

TILES_AT_ONCE = 8

SMALLEST_RADIUS = 2.0**-50
"""Its square exceeds what float32 loses of a squared distance by underflow."""

MARGIN = 1e-4
"""By which a radius is wider than the float32 distance that it is taken from."""


_Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""Of each pair the query, the place of the row in the arrangement, and the squared distance of the points."""


class _Cell(NamedTuple):
    """Points that lie together, with c coordinates each."""

    places: slice
    """In the arrangement."""
    columns: NDArray[np.float32]
    """[c + 2, n], of each point its coordinates, their squared length, and 1."""
    farthest: float
    """The largest distance of a point from the centre."""
    low: float
    high: float
    """The smallest and largest rest."""
    error: float
    """How far rounding has moved any of the points at most."""


class _Queries(NamedTuple):
    """Queries as points."""

    points: NDArray[np.float32]
    errors: NDArray[np.float64]
    relative: NDArray[np.float64]
    """The points relative to the mean of the index."""
    cell: NDArray[np.int64]
    """The cell whose centre is nearest."""


class _Candidates(NamedTuple):
    """What is left of all rows for some queries."""

    asking: NDArray[np.int64]
    """[a], queries with k candidates or more."""
    radii: NDArray[np.float64]
    """[a], within which all rows are candidates."""
    query_of: NDArray[np.int32]
    place_of: NDArray[np.int32]
    """Of each pair, the query as an index into `asking`, ascending, and the candidate's place in the
    arrangement."""
    squares: NDArray[np.float32]
    """Of each pair, the squared distance of the points."""
    failing: NDArray[np.int64]
    """Queries with fewer candidates than k."""
    sufficient: NDArray[np.float64]
    """Radii that hold k rows of each of these."""


class ExactIndex:
    """The points of all rows, by cell.

    Its arrays: `origin` float32 [d], from which rows are seen; `basis` float32 [d, v], V, and `displacement`
    float64 [], that of V'x relative to |x|; `arrangement` int64 [n], the rows in the order of the cells;
    `points` float32 [n, D] in that order, and `errors` float64 [n], how far rounding has moved each at most;
    `starts` int64 [cells + 1], where in the arrangement each cell starts; `mean` float64 [D] of the points;
    `centres` float64 [cells, D], relative to it; `directions` float64 [cells, D or fewer, c]. In a narrow
    layer the points are the rows themselves: then `origin`, `basis` and `points` are empty.
    """

    ARRAYS = (
        "origin",
        "basis",
        "displacement",
        "arrangement",
        "points",
        "errors",
        "starts",
        "mean",
        "centres",
        "directions",
    )

    def __init__(self, reference: Rows, arrays: Mapping[str, NDArray[Any]], executor: Executor) -> None:
        self.arrays = arrays
        self._reference = reference
        self._origin = arrays["origin"]
        self._basis = arrays["basis"]
        self._basis_displacement = float(arrays["displacement"])
        self._arrangement = arrays["arrangement"]
        self._errors = arrays["errors"]
        self._mean = arrays["mean"]
        self._centres = arrays["centres"]
        self._directions = arrays["directions"]
        leading = self._directions.shape[1]
        self._stacked_directions = self._directions.transpose(1, 0, 2).reshape(leading, -1)
        self._projected_centres = np.einsum(
            "cd,cdk->ck", self._centres[:, :leading], self._directions
        ).ravel()
        self._narrow = not self._basis.size
        self._points = reference.take(self._arrangement) if self._narrow else arrays["points"]
        starts = arrays["starts"]
        places = [slice(a, b) for a, b in pairwise(starts)]
        self._largest = max(executor.map(self._measure, places))
        self._cells = list(executor.map(self._describe, range(len(places)), places))
        self.memory = sum(array.nbytes for array in arrays.values()) + sum(
            cell.columns.nbytes for cell in self._cells
        )
        if self._narrow:
            self.memory += self._points.nbytes
        coordinates = QUERIES_AT_ONCE * len(self._cells) * (self._directions.shape[2] + 1)
        self.memory += self._stacked_directions.nbytes + 2 * 24 * coordinates

    @classmethod
    def build(cls, reference: Rows, executor: Executor) -> Self:
        """Find V, the points, and their cells."""
        if reference.dimensions > NARROW:
            origin, basis = _find_basis(reference)
            displacement = _bound_displacement(basis)
            points, errors = _project(reference, origin, basis, displacement, executor)
        else:
            origin, basis = np.empty(0, np.float32), np.empty((0, 0), np.float32)
            displacement = 0.0
            points, errors = reference.take(slice(None)), np.zeros(len(reference))
        arrangement, starts = _part(points)
        points = points[arrangement]
        mean = points.mean(axis=0, dtype=np.float64)
        cells = np.split(points, starts[1:-1])
        centres, directions = zip(*executor.map(partial(_find_directions, mean), cells), strict=True)
        arrays = {
            "origin": origin,
            "basis": basis,
            "displacement": np.array(displacement),
            "arrangement": arrangement,
            "points": points if basis.size else np.empty((0, 0), np.float32),
            "errors": errors[arrangement],
            "starts": starts,
            "mean": mean,
            "centres": np.stack(centres),
            "directions": np.stack(directions),
        }
        del points, cells  # which would otherwise lie in memory twice
        return cls(reference, arrays, executor)

    def spares_work(self, executor: Executor) -> bool:
        """Tell whether so few rows are left by the cells that all distances would take longer.

        It is asked of a sample of the rows themselves.
        """
        n = len(self._reference)
        some = np.linspace(0, n - 1, min(n, PROBED_ROWS)).astype(np.int64)
        rows = Rows(self._reference.matrix[some], self._reference.metric, executor)
        asked, tile = self._represent(rows, executor), np.arange(len(rows))
        radii = self._radii_of(asked, tile, min(n, PROBED_NEIGHBOURS), opposite=False)
        left = sum(
            int((excess <= 0).sum()) for *_, excess, _ in self._ask_cells(asked, tile, lambda number: radii)
        )
        share = left / (len(rows) * n)
        return bool(PRODUCT_SPEED * share * self._points.shape[1] <= self._reference.dimensions)

    def search(self, queries: Rows, k: int, executor: Executor) -> NDArray[np.int64]:
        """Find the k nearest rows of each query: int64 [q, k], nearest first, ties by row number."""
        asked = self._represent(queries, executor)
        found = np.empty((len(queries), k), np.int64)
        radii = np.full(len(queries), np.nan)  # to be guessed
        left = np.lexsort((asked.relative[:, 0], asked.cell))
        while len(left):
            again = []
            for some in self._find_candidates(asked, left, radii, k, executor):
                radii[some.failing] = some.sufficient
                again.append(some.failing)
                if not len(some.asking):
                    continue
                rows, furthest = order_candidates(
                    self._reference,
                    queries,
                    some.asking,
                    some.query_of,
                    some.place_of,
                    k,
                    executor,
                    self._arrangement,
                    some.squares.astype(np.float64) if self._narrow else None,
                )
                certain = furthest <= some.radii**2
                found[some.asking[certain]] = rows[certain]
                radii[some.asking] = np.sqrt(furthest) * (1 + MARGIN)
                again.append(some.asking[~certain])
            left = np.concatenate(again)
        return found

    def _represent(self, queries: Rows, executor: Executor) -> _Queries:
        if self._narrow:
            points, errors = queries.take(slice(None)), np.zeros(len(queries))
        else:
            points, errors = _project(queries, self._origin, self._basis, self._basis_displacement, executor)
        relative = points - self._mean
        cell = np.empty(len(queries), np.int64)
        squares = np.square(self._centres).sum(axis=1)
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            some = slice(start, start + QUERIES_AT_ONCE)
            cell[some] = np.argmin(squares - 2 * relative[some] @ self._centres.T, axis=1)
        return _Queries(points, errors, relative, cell)

    def _find_candidates(
        self,
        asked: _Queries,
        left: NDArray[np.int64],
        radii: NDArray[np.float64],
        k: int,
        executor: Executor,
    ) -> Iterator[_Candidates]:
        """Find candidates of the queries that are left, for as many together as memory is to hold."""
        cuts = range(0, len(left), QUERIES_AT_ONCE)
        waiting = [left[i : i + QUERIES_AT_ONCE] for i in reversed(cuts)]
        held: list[_Candidates] = []
        while waiting:
            some = [waiting.pop() for _ in range(min(TILES_AT_ONCE, len(waiting)))]
            answers = executor.map(lambda tile: self._answer_tile(asked, tile, radii[tile], k), some)
            for tile, answer in zip(some, answers, strict=True):
                if answer is None:
                    waiting += [tile[len(tile) // 2 :], tile[: len(tile) // 2]]
                    continue
                if held and sum(len(one.query_of) for one in (*held, answer)) > MOST_PAIRS:
                    yield _join(held)
                    held = []
                held.append(answer)
        if held:
            yield _join(held)

    def _answer_tile(
        self, asked: _Queries, tile: NDArray[np.int64], radii: NDArray[np.float64], k: int
    ) -> _Candidates | None:
        """Find the candidates of some queries; None, where they are too many at once."""
        new = np.isnan(radii)
        if new.any():
            radii = np.where(new, self._radii_of(asked, tile, k, opposite=False), radii)
        within = self._find_within(asked, tile, radii, k, new)
        if within is None:
            return None
        radii = self._narrow_radii(asked, tile, radii, k, new, within)
        query_of, place_of, squares = within
        reach = (radii + asked.errors[tile])[query_of] + self._errors[place_of]
        kept = squares <= self._widen_bound(reach)
        enough = np.bincount(query_of[kept], minlength=len(tile)) >= k
        kept &= enough[query_of]
        failing = tile[~enough]
        sufficient = np.full(len(failing), np.inf)
        if new[~enough].any():
            sufficient[new[~enough]] = self._radii_of(asked, failing[new[~enough]], k, opposite=True)
        index = (np.cumsum(enough) - 1).astype(np.int32)
        pairs = np.flatnonzero(kept)
        pairs = pairs[np.argsort(query_of[pairs].astype(np.uint16), kind="stable")]
        return _Candidates(
            tile[enough],
            radii[enough],
            index[query_of[pairs]],
            place_of[pairs],
            squares[pairs],
            failing,
            sufficient,
        )

    def _narrow_radii(
        self,
        asked: _Queries,
        tile: NDArray[np.int64],
        radii: NDArray[np.float64],
        k: int,
        new: NDArray[np.bool_],
        found: _Pairs,
    ) -> NDArray[np.float64]:
        """Take narrower radii for new queries from the pairs found, where these are k or more."""
        query_of, place_of, estimates = found
        if not self._narrow:
            estimates = estimates + 2 * asked.points[tile, -1][query_of] * self._points[place_of, -1]
        ordered = np.sort(sort_key(query_of, estimates))
        first = np.searchsorted(ordered, np.arange(len(tile) + 1, dtype=np.uint64) << np.uint64(32))
        nearer = np.flatnonzero((np.diff(first) >= k) & new)
        kth = (ordered[first[nearer] + k - 1] & np.uint64(2**32 - 1)).astype(np.uint32).view(np.float32)
        radii = radii.copy()
        radii[nearer] = np.minimum(radii[nearer], _widen(kth))
        return radii

    def _radii_of(
        self, asked: _Queries, tile: NDArray[np.int64], k: int, *, opposite: bool
    ) -> NDArray[np.float64]:
        """Take radii from the rows nearest to each query's cell.

        They hold k rows for certain where the rests are taken as opposite, and likely where as orthogonal.
        """
        radii = np.empty(len(tile))
        kind = np.float64 if opposite else np.float32
        for cell in np.unique(asked.cell[tile]):
            members = np.flatnonzero(asked.cell[tile] == cell)
            places = self._places_near(cell, 2 * k)
            rows = (self._points[places] - self._mean).astype(kind)
            queries = asked.relative[tile[members]].astype(kind)
            squares = np.square(queries).sum(axis=1)[:, None] + np.square(rows).sum(axis=1)
            squares -= 2 * queries @ rows.T
            if not self._narrow:
                rests = asked.points[tile[members], -1, None].astype(kind) * self._points[places, -1]
                squares += (4 if opposite else 2) * rests
            radii[members] = _widen(np.partition(squares, k - 1, axis=1)[:, k - 1])
            if opposite:
                errors = asked.errors[tile[members]] + self._errors[places].max()
                radii[members] += errors + self._displacement(queries)
        return radii

    def _places_near(self, cell: int, rows: int) -> NDArray[np.int64]:
        """Return the places of a cell, and of those nearest to it until they are so many."""
        sizes = np.array([one.columns.shape[1] for one in self._cells])
        nearest = np.argsort(np.square(self._centres - self._centres[cell]).sum(axis=1), kind="stable")
        enough = np.searchsorted(np.cumsum(sizes[nearest]), min(rows, sizes.sum())) + 1
        return np.concatenate([np.r_[self._cells[one].places] for one in nearest[:enough]])

    def _displacement(self, queries: NDArray[Any]) -> float:
        """How far rounding in float64 and of coordinates displaces two points to each other, at most."""
        return CELL_ROUNDING * (self._largest + float(np.sqrt(np.square(queries).sum(axis=1).max())))

    def _find_within(
        self,
        asked: _Queries,
        tile: NDArray[np.int64],
        radii: NDArray[np.float64],
        k: int,
        new: NDArray[np.bool_],
    ) -> _Pairs | None:
        """Find all rows within the radii by both bounds; None, where memory is not to hold them all."""
        points = np.ascontiguousarray(asked.points[tile])
        room = MOST_PAIRS // TILES_AT_ONCE if len(tile) > 1 else len(self._points)
        found = (np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.float32))
        count = 0

        def radii_at(turn: int) -> NDArray[np.float64]:
            nonlocal radii
            if turn == CELLS_BEFORE_A_NARROWER_RADIUS and new.any():
                radii = self._narrow_radii(asked, tile, radii, k, new, _first(found, count))
            return radii

        for cell, near, excess, reach in self._ask_cells(asked, tile, radii_at):
            bounds = self._widen_bound(reach)
            count = select_pairs(excess, points, near, self._points, cell.places.start, bounds, *found, count)
            if count < 0:
                return None
        return _first(found, count)

    def _ask_cells(
        self,
        asked: _Queries,
        tile: NDArray[np.int64],
        radii_at: Callable[[int], NDArray[np.float64]],
    ) -> Iterator[tuple[_Cell, NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]]:
        """Ask the cells for rows within the radii, the nearest cells first.

        Parameters
        ----------
        radii_at : the radii that the cell of a turn is asked for

        Yields
        ------
        A cell, which queries it may have rows for, what `_ask_cell` says of these, and how far each query
        reaches.
        """
        relative = asked.relative[tile]
        displacement = self._displacement(relative)
        coordinates, squares_to_centre = self._coordinates(relative)
        order = np.argsort(squares_to_centre.mean(axis=0), kind="stable")
        for turn, number in enumerate(order):
            cell = self._cells[number]
            reach = radii_at(turn) + asked.errors[tile] + cell.error
            wide = reach + displacement
            to_centre = np.sqrt(squares_to_centre[:, number])
            rests = coordinates[number, :, -1]
            outside = np.maximum(np.maximum(cell.low - rests, rests - cell.high), to_centre - cell.farthest)
            near = np.flatnonzero(outside <= wide)
            if len(near):
                yield (
                    cell,
                    near,
                    _ask_cell(cell, coordinates[number][near], to_centre[near], wide[near]),
                    reach,
                )

    def _coordinates(self, relative: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Describe points in all cells.

        Returns
        -------
        float64 [cells, n, c + 1] : their coordinates, of which the last is the rest
        float64 [n, cells] : their squared distances to the centres
        """
        cells, dimensions, directions = self._directions.shape
        projected = relative[:, :dimensions] @ self._stacked_directions - self._projected_centres
        projected = projected.reshape(len(relative), cells, directions)
        squares = np.square(relative).sum(axis=1)[:, None] + np.square(self._centres).sum(axis=1)
        squares -= 2 * relative @ self._centres.T
        np.maximum(squares, 0, out=squares)
        coordinates = np.empty((cells, len(relative), directions + 1))
        coordinates[:, :, :-1] = projected.transpose(1, 0, 2)
        rests = squares - np.einsum("nck,nck->nc", projected, projected)
        coordinates[:, :, -1] = np.sqrt(np.maximum(rests, 0)).T
        return coordinates, squares

    def _widen_bound(self, reach: NDArray[np.float64]) -> NDArray[np.float64]:
        """Square a radius, and widen it by the rounding of a squared distance of points."""
        dimensions = self._points.shape[1]
        relative = 2 * rounding_of_sum(dimensions + 2)
        wide: NDArray[np.float64] = reach**2 * (1 + relative) + 2 * dimensions * UNDERFLOW
        return wide

    def _measure(self, places: slice) -> float:
        return float(np.sqrt(np.square(self._points[places] - self._mean).sum(axis=1).max()))

    def _describe(self, cell: int, places: slice) -> _Cell:
        differences = self._points[places] - self._mean - self._centres[cell]
        directions = self._directions[cell]
        projected = differences[:, : len(directions)] @ directions
        squares = np.square(differences).sum(axis=1)
        rests = np.sqrt(np.maximum(squares - np.square(projected).sum(axis=1), 0))
        columns = np.vstack([projected.T, rests, squares, np.ones(len(squares))])
        return _Cell(
            places,
            np.ascontiguousarray(columns, np.float32),
            float(np.sqrt(squares.max())),
            float(rests.min()),
            float(rests.max()),
            float(self._errors[places].max()),
        )


def _ask_cell(
    cell: _Cell,
    coordinates: NDArray[np.float64],
    to_centre: NDArray[np.float64],
    reach: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Tell which points of a cell may be within reach by their coordinates: those where this is not positive.

    With the squared lengths as columns of their own, one matrix product gives |a - b|^2 - reach^2. The
    absolute values of its c + 2 terms add up to no more than (|a| + |b|)^2 + reach^2, which bounds its
    rounding; the reach is wider by that.
    """
    slack = rounding_of_sum(len(cell.columns) + 4) * (np.square(to_centre + cell.farthest) + reach**2)
    terms = np.empty((len(coordinates), len(cell.columns)), np.float32)
    np.multiply(coordinates, -2, out=terms[:, :-2], casting="same_kind")
    terms[:, -2] = 1
    terms[:, -1] = to_centre**2 - reach**2 - slack - len(cell.columns) * UNDERFLOW
    return terms @ cell.columns


def _find_basis(reference: Rows) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the mean of a sample of the rows, and their principal directions.

    Returns
    -------
    float32 [d]
    float32 [d, v], nearly orthonormal
    """
    generator = np.random.default_rng(0)
    rows = np.sort(generator.permutation(len(reference))[:SAMPLED_ROWS])
    sample = reference.take(rows)
    origin = sample.mean(axis=0)
    sample -= origin
    # Nothing else is computed meanwhile.
    with threadpool_limits(faiss.omp_get_max_threads(), user_api="blas"):
        variances, combinations = np.linalg.eigh((sample @ sample.T).astype(np.float64))
        told_apart = np.flatnonzero(variances > variances[-1] * RELATIVE_NOISE)[::-1][:PROJECTED_DIMENSIONS]
        if not len(told_apart):
            return origin, np.eye(reference.dimensions, 1, dtype=np.float32)
        combinations = combinations[:, told_apart] / np.sqrt(variances[told_apart])
        basis = np.linalg.qr(sample.T @ combinations.astype(np.float32))[0]
    return origin, np.ascontiguousarray(basis)


def _bound_displacement(basis: NDArray[np.float32]) -> float:
    """Bound how far V'x is from the projection that it stands for, relative to |x|.

    The v sums of d products are each wrong by less than gamma |x|, so V'x by gamma sqrt(v) |x|. The columns
    of V are those of an orthonormal matrix times a matrix T; by |T - 1| <= |V'V - 1|, taking V for that
    matrix displaces V'x by no more than |V'V - 1| |x|. And x itself is rounded when it is taken relative to
    the origin.
    """
    rows, dimensions = basis.shape
    gram = np.zeros((dimensions, dimensions))
    for i in range(0, rows, 4096):
        stretch = basis[i : i + 4096].astype(np.float64)
        gram += stretch.T @ stretch
    terms = COLUMNS_AT_ONCE + -(-rows // COLUMNS_AT_ONCE) + 2
    of_sums = rounding_of_sum(terms) * np.sqrt(dimensions)
    return float(of_sums + np.linalg.norm(gram - np.eye(dimensions)) + 2 * UNIT_ROUNDOFF)


def _project(
    rows: Rows,
    origin: NDArray[np.float32],
    basis: NDArray[np.float32],
    displacement: float,
    executor: Executor,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Represent rows as points, and bound how far rounding has moved each.

    With x relative to the origin, V'x is displaced by e = displacement |x| at most, which changes rest(x)^2
    by up to 2 |x| e + e^2.
    """
    stretches = [slice(i, i + COLUMNS_AT_ONCE) for i in range(0, rows.dimensions, COLUMNS_AT_ONCE)]
    points = np.empty((len(rows), basis.shape[1] + 1), np.float32)
    lengths = np.empty(len(rows))

    def project(block: slice) -> None:
        taken = rows.take(block)
        lengths[block] = np.sqrt(measure_exactly(taken, origin[None]))
        sums = np.zeros((len(taken), basis.shape[1]), np.float32)
        for part in stretches:
            sums += (taken[:, part] - origin[part]) @ basis[part]
        points[block, :-1] = sums

    do_all(project, rows.blocks(), executor, "projecting rows")
    errors = displacement * lengths
    projected = np.einsum("nd,nd->n", points[:, :-1], points[:, :-1], dtype=np.float64)
    squares = np.maximum(lengths**2 - projected, 0)
    of_square = 2 * lengths * errors + errors**2
    rests = np.sqrt(squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_rest = np.fmin(
            np.sqrt(of_square), of_square / (rests + np.sqrt(np.maximum(squares - of_square, 0)))
        )
    points[:, -1] = rests
    return points, np.hypot(errors, of_rest) + UNIT_ROUNDOFF * rests


def _find_directions(
    mean: NDArray[np.float64], points: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the centre of a cell's points, relative to the mean of all, and their principal directions."""
    relative = points - mean
    centre = relative.mean(axis=0)
    leading = (relative - centre)[:, :LEADING_DIMENSIONS]
    directions = np.linalg.eigh(leading.T @ leading)[1]
    return centre, np.ascontiguousarray(directions[:, ::-1][:, :CELL_DIMENSIONS])


def _part(points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part points into cells of similar ones.

    Returns
    -------
    int64 [n] : the points by cell, and within a cell by group, so that those next to each other are alike
    int64 [cells + 1] : where each cell starts
    """
    arrangement, starts = [], [0]
    for cell in _cluster(points, len(points) // CELL_ROWS):
        groups = _cluster(points[cell], len(cell) // GROUP_ROWS)
        cell = cell[np.concatenate(groups)]
        # Very many equal points are cut, so that it takes little memory to ask for all of them.
        for piece in np.array_split(cell, -(-len(cell) // (2 * CELL_ROWS))):
            arrangement.append(piece)
            starts.append(starts[-1] + len(piece))
    return np.concatenate(arrangement), np.array(starts)


def _cluster(points: NDArray[np.float32], clusters: int) -> list[NDArray[np.int64]]:
    """Return the members of each cluster of points that k-means finds, without those that are empty."""
    if clusters < 2:
        return [np.arange(len(points))]
    found = faiss.Kmeans(
        points.shape[1], clusters, niter=6, seed=1, min_points_per_centroid=1, max_points_per_centroid=128
    )
    found.train(points)
    cluster_of = found.index.search(points, 1)[1][:, 0]
    members = np.argsort(cluster_of, kind="stable")
    return np.split(members, np.flatnonzero(np.diff(cluster_of[members])) + 1)


def _widen(squares: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Take radii from squared distances in float32, a little wider than their rounding."""
    radii: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0), dtype=np.float64)
    return radii * (1 + MARGIN) + SMALLEST_RADIUS


def _first(found: _Pairs, count: int) -> _Pairs:
    query_of, place_of, squares = found
    return query_of[:count], place_of[:count], squares[:count]


def _join(parts: list[_Candidates]) -> _Candidates:
    before = np.cumsum([0] + [len(part.asking) for part in parts[:-1]])
    shifted = [
        part._replace(query_of=part.query_of + np.int32(shift))
        for part, shift in zip(parts, before, strict=True)
    ]
    return _Candidates(*map(np.concatenate, zip(*shifted, strict=True)))
