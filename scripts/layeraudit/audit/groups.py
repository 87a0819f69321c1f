"""Groups as poison makes them: rows of one class that only the late layers take for members of it.

A backdoor's rows look like what they were before they were marked: in early layers their neighbours are of
other classes. The network has learned their label by the mark: in a late layer they lie together, among rows
of that label. Held-out rows that nobody has poisoned have no such group.

The rule, each part of which a group has to meet:

1. Its rows, of one label, are suspects: their label disagreement, mean over the early layers, is above one
   half and above that of nine in ten held-out rows of the label. In the late layer it is at most one half.
2. They are near one another: more than half of a row's ten nearest in the late layer are suspects that lists
   of ten nearest connect with it. Rows of which that is so are the group, five or more.
3. Held-out rows of the label that meet both are at most half as frequent as it: the upper end of their
   share's interval (Clopper & Pearson 1934, one-sided) is below half of the group's share of its label. It
   has 95 % confidence in all labels at once, by Bonferroni's correction.

The third part leaves out kinds of rows that are rare but natural, since those are held out too. It needs
held-out rows: of 33 or fewer of one of ten labels, none of them alike, a group of less than 30 % is not told
apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from layeraudit.audit.labels import measure_disagreement
from layeraudit.detectors import Evidence
from layeraudit.detectors._features import take_neighbours
from layeraudit.statistics import CONFIDENCE_LEVEL

HALF = 0.5

USUAL = 0.9
"""Share of the held-out rows of a label whose early neighbours disagree no more than a suspect's."""

NEAREST = 10
"""So many nearest in the late layer are looked at, or all that were found."""

FEWEST = 5
"""Rows of a group."""


@dataclass(frozen=True)
class Group:
    """A group of suspects.

    Attributes
    ----------
    rows : int64 [n], training rows, ascending
    label : theirs
    other_label : the most frequent among their early neighbours, but for their own
    share_of_class : of the training rows of the label
    held_out_share : of the held-out rows of the label, those that meet the rule
    """

    rows: NDArray[np.int64]
    label: int
    other_label: int
    share_of_class: float
    held_out_share: float


@dataclass(frozen=True)
class _Side:
    """Of n rows their labels, label disagreement in early layers and the late one, and the nearest there."""

    y: NDArray[np.int64]
    early: NDArray[np.float64]
    late: NDArray[np.float64]
    nearest: NDArray[np.int64]


def choose_layers(layers: Sequence[str], *, late: str) -> tuple[list[str], str]:
    """Return the early layers, the first half of them and one or more, and the late one.

    Parameters
    ----------
    layers : from input to output
    late : the last before the logits
    """
    return list(layers[: max(1, len(layers) // 2)]), late


def average_disagreement(
    evidence: Evidence, labels: NDArray[np.int64], layers: Sequence[str]
) -> NDArray[np.float64]:
    """Average label disagreement over layers, float64 [n].

    Parameters
    ----------
    labels : int64 [n_train], of the training rows
    """
    of_layers = [measure_disagreement(evidence.neighbours[layer], labels, evidence.y) for layer in layers]
    return np.asarray(np.mean(of_layers, axis=0))


def find_groups(
    training: Evidence, held_out: Sequence[Evidence], *, early: Sequence[str], late: str
) -> list[Group]:
    """Find the groups among the training rows, by the rule of the module: the largest first.

    Parameters
    ----------
    held_out : evidence of held-out rows, whose labels are trusted
    early, late : layers; where one is both, no row is a suspect
    """
    ours = _describe(training, training.y, early, late)
    parts = [_describe(evidence, training.y, early, late) for evidence in held_out]
    theirs = _Side(*(np.concatenate(of_parts) for of_parts in zip(*map(_values, parts), strict=True)))
    groups = []
    labels = np.unique(training.y)
    for label in labels:
        limit = (
            max(HALF, float(np.quantile(theirs.early[theirs.y == label], USUAL, method="higher")))
            if (theirs.y == label).any()
            else HALF
        )
        suspects, alike = (_find_suspects(side, label, limit) for side in (ours, theirs))
        component = _connect(suspects, ours.nearest)
        near = _find_company(ours.nearest[suspects], component)
        near_held_out = _find_company(theirs.nearest[alike], component)
        n_class, n_held_out = (int((side.y == label).sum()) for side in (ours, theirs))
        for number in np.unique(near[near >= 0]):
            rows = suspects[near == number]
            count = int((near_held_out == number).sum())
            share = len(rows) / n_class
            if len(rows) >= FEWEST and _limit_share(count, n_held_out, tests=len(labels)) < share / 2:
                other = _find_other_label(training, rows, early)
                groups.append(Group(rows, int(label), other, share, count / n_held_out))
    return sorted(groups, key=lambda group: (-len(group.rows), group.rows[0]))


def _values(side: _Side) -> tuple[NDArray[np.int64] | NDArray[np.float64], ...]:
    return side.y, side.early, side.late, side.nearest


def _describe(evidence: Evidence, labels: NDArray[np.int64], early: Sequence[str], late: str) -> _Side:
    return _Side(
        evidence.y,
        average_disagreement(evidence, labels, early),
        average_disagreement(evidence, labels, [late]),
        take_neighbours(evidence, late, n_training=len(labels))[:, :NEAREST],
    )


def _find_suspects(side: _Side, label: int, limit: float) -> NDArray[np.int64]:
    return np.flatnonzero((side.y == label) & (side.early > limit) & (side.late <= HALF))


def _connect(suspects: NDArray[np.int64], nearest: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the component of each suspect that lists of nearest connect: int64 [n_train], else -1."""
    n, k = nearest.shape
    place = np.full(n, -1, np.int64)
    place[suspects] = np.arange(len(suspects))
    ends = place[nearest[suspects]].ravel()
    starts = np.repeat(np.arange(len(suspects)), k)
    known = ends >= 0
    shape = (len(suspects), len(suspects))
    graph = coo_array((np.ones(int(known.sum()), bool), (starts[known], ends[known])), shape=shape)
    component = np.full(n, -1, np.int64)
    if len(suspects):
        component[suspects] = connected_components(graph, directed=False)[1]
    return component


def _find_company(nearest: NDArray[np.int64], component: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the component that more than half of a row's nearest are of, int64 [n], or -1."""
    # Of more than half the median is one of them.
    ordered = np.sort(component[nearest], axis=1)
    middle = ordered[:, nearest.shape[1] // 2]
    has = (ordered == middle[:, np.newaxis]).sum(axis=1) > HALF * nearest.shape[1]
    return np.where(has, middle, -1)


def _limit_share(count: int, n: int, *, tests: int) -> float:
    if not n:
        return 1.0
    test = stats.binomtest(count, n, alternative="less")
    return float(test.proportion_ci(1 - (1 - CONFIDENCE_LEVEL) / tests, method="exact").high)


def _find_other_label(training: Evidence, rows: NDArray[np.int64], early: Sequence[str]) -> int:
    labels = np.concatenate([training.y[training.neighbours[layer][rows]].ravel() for layer in early])
    return int(np.bincount(labels[labels != training.y[rows[0]]]).argmax())
