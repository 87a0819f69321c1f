"""Near duplicates among training rows, and held-out rows that are near duplicates of training rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from layeraudit.audit.outliers import Metric, measure_to_neighbours
from layeraudit.blocks import split_rows
from layeraudit.detectors import Evidence
from layeraudit.detectors._features import measure_distances, take_activations

NEAR = 0.05
"""Near duplicates are so near, in every layer, in units of the median training row's nearest neighbour."""


NEAREST = 10
"""So many nearest training rows are tried, or all that were found: a picture may be there more than twice."""

BYTES_OF_NUMBER = 8


@dataclass(frozen=True)
class Pairs:
    """Rows that are near duplicates of training rows, a row each pair.

    Attributes
    ----------
    row : int64 [p], ascending; a row may have several, the nearest first
    training_row : int64 [p]
    distance : float64 [p], the greatest over the layers, in units of `measure_units`; 0 of equal pixels
    """

    row: NDArray[np.int64]
    training_row: NDArray[np.int64]
    distance: NDArray[np.float64]


def measure_units(training: Evidence, *, metric: Metric) -> dict[str, float]:
    """Compute the median training row's distance to its nearest neighbour, in each layer."""
    return {
        layer: float(np.median(measure_to_neighbours(training, training, layer, metric=metric, which=[0])))
        for layer in training.neighbours
    }


def find_pairs(rows: Evidence, training: Evidence, units: Mapping[str, float], *, metric: Metric) -> Pairs:
    """Find near duplicates of rows among their nearest training rows in each layer.

    A pair is near where its distance in every layer is at most `NEAR` units. Where a unit is 0, as more than
    half of all rows have a twin in the layer, only the distance 0 is. A pair of equal pixels is near too.

    Parameters
    ----------
    rows : `training` itself, or others
    units : of `measure_units`
    """
    near = np.ones(len(rows), dtype=bool)
    for layer, unit in units.items():
        distances = measure_to_neighbours(rows, training, layer, metric=metric, which=[0])[:, 0]
        near &= _divide(distances, unit) <= NEAR
    row, other = _list_candidates(rows, np.flatnonzero(near))
    if rows is training:  # of a pair both are near some row in every layer
        row, other = row[near[other]], other[near[other]]
    distance = np.zeros(len(row))
    for layer, unit in units.items():
        of_rows, of_others = take_activations(rows, layer), take_activations(training, layer)
        for some in split_rows(len(row), 3 * BYTES_OF_NUMBER * of_rows.shape[1]):
            apart = measure_distances(
                of_rows[row[some]], of_others, other[some, np.newaxis], unit_length=metric == "cosine"
            )
            distance[some] = np.maximum(distance[some], _divide(apart[:, 0], unit))
    is_near = distance <= NEAR
    found = Pairs(row[is_near], other[is_near], distance[is_near])
    return _merge(_find_equal(rows, training), found)


def _merge(equal: Pairs, near: Pairs) -> Pairs:
    """Return the pairs of both, each once, those of equal pixels at distance 0."""
    row = np.concatenate([equal.row, near.row])
    other = np.concatenate([equal.training_row, near.training_row])
    distance = np.concatenate([equal.distance, near.distance])
    _, first = np.unique(row * (other.max(initial=0) + 1) + other, return_index=True)
    first = first[np.lexsort((other[first], distance[first], row[first]))]
    return Pairs(row[first], other[first], distance[first])


def _list_candidates(rows: Evidence, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List some rows with each of their few nearest training rows in any layer, each pair once."""
    nearest = np.concatenate([of_layer[which, :NEAREST] for of_layer in rows.neighbours.values()], axis=1)
    pairs = np.stack([np.repeat(which, nearest.shape[1]), nearest.ravel()], axis=1)
    row, other = np.unique(pairs, axis=0).T
    return row, other


def take_nearest(pairs: Pairs) -> Pairs:
    """Take of each row the nearest pair; ties by the number of the training row."""
    _, first = np.unique(pairs.row, return_index=True)
    return Pairs(pairs.row[first], pairs.training_row[first], pairs.distance[first])


def find_originals(pairs: Pairs, n: int) -> NDArray[np.int64]:
    """Return for each of n training rows the smallest row of its cluster of near duplicates.

    Clusters are what pairs connect. -1 for a row without a duplicate, and for the smallest of a cluster.
    """
    graph = coo_array((np.ones(len(pairs.row), bool), (pairs.row, pairs.training_row)), shape=(n, n))
    _, cluster = connected_components(graph, directed=False)
    _, smallest = np.unique(cluster, return_index=True)
    original = smallest[cluster]
    return np.where(original == np.arange(n), -1, original)


def _divide(distances: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    return distances / unit if unit else np.where(distances > 0, np.inf, 0.0)


def _find_equal(rows: Evidence, training: Evidence) -> Pairs:
    """Return each row with the first training row of the same pixels, if that is another."""
    first: dict[bytes, int] = {}
    others = np.full(len(rows), -1, np.int64)
    if training.x.size:
        for number, digest in enumerate(_digest(training.x)):
            first.setdefault(digest, number)
        others[:] = [first.get(digest, -1) for digest in _digest(rows.x)]
    if rows is training:
        others[others == np.arange(len(rows))] = -1
    found = np.flatnonzero(others >= 0)
    return Pairs(found, others[found], np.zeros(len(found)))


def _digest(x: NDArray[np.float32]) -> Iterable[bytes]:
    return (blake2b(image.tobytes(), digest_size=16).digest() for image in x)
