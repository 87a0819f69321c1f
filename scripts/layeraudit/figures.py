"""Figures that stand alone: each says what it shows, with n and what its intervals are."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import wrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from layeraudit.files import atomic_write
from layeraudit.provenance import BANNER, describe_today, is_small

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

CHARACTERS_AN_INCH = 21
"""Of the smallest letters, those of the lines below a figure."""

LINE_INCHES, SMALL_INCHES = 0.11, 0.35
"""Height of such a line, and of the large letters of a small run."""


def error_bars(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the lengths of the bars from `value` to `ci95_low` and `ci95_high`, as errorbar takes them.

    Returns
    -------
    float64 [2, n], none below 0, which rounding in a table may make of a bar of length 0
    """
    lengths = [rows["value"] - rows["ci95_low"], rows["ci95_high"] - rows["value"]]
    return np.maximum(np.array(lengths, dtype=np.float64), 0)


def seed_error_bars(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the lengths of the bars of means over seeds, which one seed has none of: NaN."""
    lengths = error_bars(rows)
    lengths[:, rows["n_seeds"] < 2] = np.nan
    return lengths


def count(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not 1."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def save(figure: Figure, runs: Sequence[str], paths: Iterable[Path]) -> None:
    """Write the figure with the runs that it is of below it, once in the form of each suffix.

    The same figure gives the same bytes on the same day.

    Parameters
    ----------
    runs : as `layeraudit.provenance.list_runs` returns them
    """
    _write_runs(figure, runs)
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else None
        with atomic_write(path) as temporary:
            figure.savefig(temporary, dpi=200, metadata=metadata)


def _write_runs(figure: Figure, runs: Sequence[str]) -> None:
    """Make the figure taller, and write the runs into the strip below; nothing else moves."""
    width, height = figure.get_size_inches()
    lines = [
        line
        for run in runs
        for line in wrap(f"{run}; drawn {describe_today()}", int(width * CHARACTERS_AN_INCH))
    ]
    small = is_small(runs)
    strip = LINE_INCHES * (len(lines) + 1) + (SMALL_INCHES if small else 0.0)
    whole = height + strip
    below, share = strip / whole, height / whole
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        # Positions are within the part of the figure that the axes belong to.
        part = axes.figure.bbox_relative if isinstance(axes.figure, SubFigure) else Bbox.unit()
        x, y, across, up = axes.get_position(original=True).bounds
        y = (below + share * (part.y0 + part.height * y) - part.y0) / part.height
        axes.set_position((x, y, across, share * up))
    for text in figure.texts:
        text.set_y(below + share * text.get_position()[1])
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0, below, 1, share), transform=figure.transFigure)
    figure.set_size_inches(width, whole)
    figure.text(0.01, 0.3 * LINE_INCHES / whole, "\n".join(lines), color=REFERENCE, fontsize=6, va="bottom")
    if small:
        at = 0.01, LINE_INCHES * (len(lines) + 0.5) / whole
        figure.text(*at, BANNER, color=POISON, fontsize=18, weight="bold", va="bottom")
