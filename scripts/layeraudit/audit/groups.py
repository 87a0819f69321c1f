"""Groups as poison makes them: training rows that lie together where no held-out row lies.

A trigger is in no row that was held out. So the rows that carry it have neighbours that carry it too, and
held-out rows, drawn as the training rows were, lie elsewhere: in an early layer if the trigger is seen there,
in a late one if the network has learned it.

The rule, in each layer:

1. A row is a suspect where its held-out deficit is 80 % or more, by the calibration rows and its ten nearest
   (`layeraudit.detectors.held_out_deficit`).
2. More than half of a row's ten nearest are suspects that lists of ten nearest connect with one another. Rows
   of which that is so are a candidate, five or more.
3. Of the test rows, which had no say until here, those that meet 2 are less than a third of what is expected:
   a Poisson test at 5 %, by Bonferroni's correction for the candidates of all layers. For each of its rows
   as many are expected as there are test rows for a training row of the label.

The third part needs test rows: if none of 500 is alike, a single candidate is a group from 1.8 % of the
training rows; if none of 5,000 is, from 0.18 %. It also needs held-out rows that were drawn,
of each label, as the training rows were: with others, what only the training rows have is a group too.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from layeraudit.detectors import Evidence
from layeraudit.detectors._features import take_neighbours
from layeraudit.detectors.held_out_deficit import measure_deficit, weigh_rows
from layeraudit.statistics import CONFIDENCE_LEVEL

NEAREST = 10
"""So many nearest are looked at, or all that were found."""

LARGE_DEFICIT = 0.8
"""Held-out deficit of a suspect, at least."""

FEWEST = 5
"""Rows of a group."""

HALF = 0.5

RARE = 1 / 3
"""Of a group's share of the training rows, that of alike test rows is below so much."""


@dataclass(frozen=True)
class Group:
    """Training rows that lie together where no held-out row lies.

    Attributes
    ----------
    rows : int64 [n], ascending
    layer : where they do
    label : the most frequent of theirs
    label_share : of the rows that have it
    other_label : the most frequent other one among neighbours in the first layer, -1 where there is none
    share, held_out_share : of the training rows, and of the test rows that are alike
    """

    rows: NDArray[np.int64]
    layer: str
    label: int
    label_share: float
    other_label: int
    share: float
    held_out_share: float


def measure_deficits(training: Evidence, calibration: Evidence) -> dict[str, NDArray[np.float64]]:
    """Return the held-out deficit of the training rows in each layer, float64 [n]."""
    weights = weigh_rows(training.y, calibration.y)
    deficits = {}
    for layer in training.neighbours:
        nearest, of_held_out = (_take_nearest(of, layer, len(training)) for of in (training, calibration))
        deficits[layer] = measure_deficit(nearest, nearest, of_held_out, weights)
    return deficits


def find_groups(
    training: Evidence, test: Evidence, deficits: Mapping[str, NDArray[np.float64]]
) -> list[Group]:
    """Find the groups among the training rows, by the rule of the module: the largest first.

    Of groups of several layers that share half of the smaller one's rows, the largest stays.

    Parameters
    ----------
    deficits : of `measure_deficits`
    """
    expected = weigh_rows(training.y, test.y)
    candidates = []
    for layer, deficit in deficits.items():
        nearest, of_test = (_take_nearest(of, layer, len(training)) for of in (training, test))
        candidates += [(layer, *one) for one in find_candidates(nearest, of_test, deficit)]
    found: list[tuple[str, NDArray[np.int64], int]] = []
    for layer, rows, n_alike in sorted(candidates, key=lambda candidate: -len(candidate[1])):
        is_new = all(np.isin(rows, others).mean() < HALF for _, others, _ in found)
        p = measure_rarity(n_alike, float(expected[rows].sum()))
        if is_new and p <= (1 - CONFIDENCE_LEVEL) / len(candidates):
            found.append((layer, rows, n_alike))
    return [_describe(training, layer, rows, n_alike / len(test)) for layer, rows, n_alike in found]


def find_candidates(
    nearest: NDArray[np.int64], of_test: NDArray[np.int64], deficit: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield the candidates of a layer, rows int64 [n] ascending, each with how many test rows are alike.

    Parameters
    ----------
    nearest, of_test : int64 [rows, m], the training rows that are nearest to each row
    deficit : float64 [n], of the training rows
    """
    component = _connect(np.flatnonzero(deficit >= LARGE_DEFICIT), nearest)
    near, near_test = (_find_company(lists, component) for lists in (nearest, of_test))
    for number in np.unique(near[near >= 0]):
        rows = np.flatnonzero(near == number)
        if len(rows) >= FEWEST:
            yield rows, int((near_test == number).sum())


def measure_rarity(count: int, expected: float) -> float:
    """Return the p-value of so few test rows that are alike, where a third of what is expected should be."""
    return float(stats.poisson.cdf(count, RARE * expected))


def count_fewest_in_group(n: int, n_test: int) -> int:
    """Count the rows of the smallest group that can be told among n: of a single candidate, none alike."""
    rows = -math.log(1 - CONFIDENCE_LEVEL) / RARE * n / n_test if n_test else math.inf
    return max(FEWEST, math.ceil(rows)) if rows <= n else n + 1


def _take_nearest(evidence: Evidence, layer: str, n_training: int) -> NDArray[np.int64]:
    return take_neighbours(evidence, layer, n_training=n_training)[:, :NEAREST]


def _connect(suspects: NDArray[np.int64], nearest: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the component of each suspect that lists of nearest connect: int64 [n], else -1."""
    n, m = nearest.shape
    place = np.full(n, -1, np.int64)
    place[suspects] = np.arange(len(suspects))
    ends = place[nearest[suspects]].ravel()
    starts = np.repeat(np.arange(len(suspects)), m)
    known = ends >= 0
    shape = (len(suspects), len(suspects))
    graph = coo_array((np.ones(int(known.sum()), bool), (starts[known], ends[known])), shape=shape)
    component = np.full(n, -1, np.int64)
    if len(suspects):
        component[suspects] = connected_components(graph, directed=False)[1]
    return component


def _find_company(nearest: NDArray[np.int64], component: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the component that more than half of a row's nearest are of, int64 [rows], or -1."""
    # Of more than half the median is one of them.
    ordered = np.sort(component[nearest], axis=1)
    middle = ordered[:, nearest.shape[1] // 2]
    has = (ordered == middle[:, np.newaxis]).sum(axis=1) > HALF * nearest.shape[1]
    return np.where(has, middle, -1)


def _describe(training: Evidence, layer: str, rows: NDArray[np.int64], held_out_share: float) -> Group:
    counts = np.bincount(training.y[rows])
    label = int(counts.argmax())
    around = training.y[training.neighbours[next(iter(training.neighbours))][rows]]
    others = np.bincount(around[around != label])
    return Group(
        rows,
        layer,
        label,
        float(counts[label] / len(rows)),
        int(others.argmax()) if len(others) else -1,
        len(rows) / len(training),
        held_out_share,
    )
