"""Scores: what a network and its Deep k-nearest neighbours say of each image of a split."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.blocks import split_rows
from layeraudit.dknn import Mode, judge_by_neighbours
from layeraudit.splits import Split


def score_split(
    train: Split,
    split: Split,
    neighbours: Mapping[str, NDArray[np.int64]],
    logits: NDArray[np.float32],
    calibration: NDArray[np.int64],
    *,
    mode: Mode,
) -> pd.DataFrame:
    """Return a row for each of the n images of a split.

    Parameters
    ----------
    neighbours : of each layer, from input to output, int64 [n, k] rows of `train`
    logits : float32 [n, classes]
    calibration : nonconformity, int64 [n_calibration]
    mode : how p-values are made, one of `layeraudit.dknn.Mode`

    Returns
    -------
    `row, y, y_true, is_poison, dnn_label, dnn_confidence` (softmax), `dknn_label, credibility, confidence,
    nonconformity` (of the DkNN label), and for each layer `poison_neighbours_{layer}`,
    `same_label_neighbours_{layer}` and `dnn_label_neighbours_{layer}`: how many of the k neighbours are
    poison, have the label that the image was given, and have the label that the network predicts.
    """
    n, n_classes = logits.shape
    judgement = judge_by_neighbours(
        list(neighbours.values()), train.y, calibration, n_classes=n_classes, mode=mode
    )
    dnn_label, dnn_confidence = np.zeros(n, np.int64), np.zeros(n)
    for rows in split_rows(n, 3 * 8 * n_classes):
        values = logits[rows].astype(np.float64)
        dnn_label[rows] = values.argmax(axis=1)
        exponentials = np.exp(values - values.max(axis=1, keepdims=True))
        dnn_confidence[rows] = exponentials.max(axis=1) / exponentials.sum(axis=1)
    is_counted: dict[str, Callable[[NDArray[np.int64]], NDArray[np.bool_]]] = {
        "poison": lambda rows: train.is_poison[rows],
        "same_label": lambda rows: train.y[rows] == split.y[:, np.newaxis],
        "dnn_label": lambda rows: train.y[rows] == dnn_label[:, np.newaxis],
    }
    return pd.DataFrame(
        {
            "row": np.arange(len(split)),
            "y": split.y,
            "y_true": split.y_true,
            "is_poison": split.is_poison,
            "dnn_label": dnn_label,
            "dnn_confidence": dnn_confidence,
            "dknn_label": judgement.label,
            "credibility": judgement.credibility,
            "confidence": judgement.confidence,
            "nonconformity": judgement.nonconformity,
        }
        | {
            f"{name}_neighbours_{layer}": of_neighbours(rows).sum(axis=1)
            for name, of_neighbours in is_counted.items()
            for layer, rows in neighbours.items()
        }
    )
