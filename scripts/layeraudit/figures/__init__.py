"""Figures that stand alone: each says what it shows, with n and what its intervals are."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from layeraudit.files import written_whole

matplotlib.use("Agg")
matplotlib.rcParams |= {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "legend.fontsize": "small",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "layeraudit",
}

# A colour means the same in every figure; colour-blind readers can tell them apart.
CLEAN = "#2166ac"
MISCLASSIFIED = "#e08214"
MISCLASSIFIED_CLEAN = "#7b3294"
POISON = "#b2182b"
OTHER = "#1b7837"
REFERENCE = "0.3"


def error_bars(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Give the lengths of the bars from `value` to `ci95_low` and `ci95_high`, as errorbar wants them.

    Returns
    -------
    float64 [2, n], none below 0, which rounding in a table may make of a bar of length 0
    """
    lengths = [rows["value"] - rows["ci95_low"], rows["ci95_high"] - rows["value"]]
    return np.maximum(np.array(lengths, dtype=np.float64), 0)


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the form that the suffix of `path` names; the same figure gives the same bytes."""
    metadata = {"Date": None} if path.suffix == ".svg" else None
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=200, metadata=metadata)
