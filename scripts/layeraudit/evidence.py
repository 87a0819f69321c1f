"""Evidence: what the files of a run say of its rows, as detectors are given it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence
from layeraudit.errors import InputError
from layeraudit.files import open_matrix, read_split


def read_evidence(
    run: Path,
    split: str,
    layers: Sequence[str],
    *,
    y: NDArray[np.int64],
    is_suspect: NDArray[np.bool_],
    x: NDArray[np.float32],
    with_neighbours: bool = True,
) -> Evidence:
    """Read the activations, and the neighbours, of a split of a run; nothing is read before it is used.

    Parameters
    ----------
    run : the folder of the run
    layers : from input to output; the last gives the logits
    y, is_suspect, x : as in `Evidence`

    Raises
    ------
    InputError
        Where a file is missing, is damaged, does not fit the others, or holds logits that are not finite.
    """
    activations = {
        layer: open_matrix(run / "layers" / split / f"{layer}.npy", np.float32, rows=len(y))
        for layer in layers
    }
    neighbours = {
        layer: open_matrix(run / "neighbours" / split / f"{layer}.npy", np.int64, rows=len(y))
        for layer in layers
        if with_neighbours
    }
    logits = activations[layers[-1]]
    if not np.isfinite(logits).all():
        raise InputError(f"{run}: the logits of {split} hold NaN or infinity, allowed are finite numbers")
    return Evidence(y, activations, neighbours, logits, is_suspect, x)


def read_training(run: Path, layers: Sequence[str], *, with_neighbours: bool) -> Evidence:
    """Read the evidence of the training rows: by the labels given; what is to be found is the poison."""
    train = read_split(run / "data/train.npz")
    return read_evidence(
        run,
        "train",
        layers,
        y=train.y,
        is_suspect=train.is_poison,
        x=train.x,
        with_neighbours=with_neighbours,
    )


def read_calibration(run: Path, layers: Sequence[str]) -> Evidence:
    """Read the evidence of the calibration rows, which are clean, by their true labels."""
    calibration = read_split(run / "data/calibration.npz")
    return read_evidence(
        run,
        "calibration",
        layers,
        y=calibration.y_true,
        is_suspect=calibration.is_poison,
        x=calibration.x,
    )
