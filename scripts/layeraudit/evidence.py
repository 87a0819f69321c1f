"""Evidence: what the files of a run say of the rows of a split, as detectors are given it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layeraudit.detectors import Evidence
from layeraudit.files import open_layers, open_logits, read_split


@dataclass(frozen=True)
class Files:
    """Where the files of a split lie.

    Attributes
    ----------
    split : images and labels
    layers, neighbours : folders of a file a layer; neighbours may be None, where nobody asks for them
    logits : a file
    """

    split: Path
    layers: Path
    logits: Path
    neighbours: Path | None = None


def read_evidence(
    files: Files,
    *,
    y: NDArray[np.int64] | None = None,
    is_suspect: NDArray[np.bool_] | None = None,
    true_labels: bool = False,
) -> Evidence:
    """Read the evidence of a split; activations are mapped, and read when they are used.

    Parameters
    ----------
    y, is_suspect : as in `Evidence`; by default the labels given, and the poison
    true_labels : whether the default of `y` is the true labels instead

    Raises
    ------
    InputError
        Where a file is missing, is damaged, does not fit the others, or holds logits that are not finite.
    """
    split = read_split(files.split)
    n = len(split)
    default = split.y_true if true_labels else split.y
    return Evidence(
        y=default if y is None else y,
        activations=open_layers(files.layers, np.float32, rows=n),
        neighbours=open_layers(files.neighbours, np.int64, rows=n) if files.neighbours else {},
        logits=open_logits(files.logits, rows=n),
        is_suspect=split.is_poison if is_suspect is None else is_suspect,
        x=split.x,
    )
