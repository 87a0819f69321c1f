"""Error control: how many of the rows that score high can be false alarms.

A row is compared with calibration rows, held-out ones whose labels are trusted. Its conformal p-value is
valid if a row without fault is exchangeable with them (Vovk et al. 2005; Bates et al. 2023,
arXiv:2104.08279). Training rows are not quite so: the network has fitted them, wrong labels included, and has
not seen the calibration rows. So they score lower, and their p-values are too large. What is flagged is
safe, and what the network has memorised is missed, as planted controls measure in part. A network that was
not trained on the rows sees both alike. Wrong labels among the calibration rows make p-values too large as
well. Calibration rows that are easier than the training rows make them too small, and nothing here shows it.

p-values are fractions with the one denominator m + 1, and are compared as integers: their ties are exact.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

LEVEL = Fraction(1, 20)
"""False discovery rate of what is flagged, and chance that a lower bound is above the truth."""


@dataclass(frozen=True)
class PValues:
    """Conformal p-values of n rows.

    Attributes
    ----------
    numerator : int64 [n], 1 + the number of calibration rows that score as much or more
    denominator : 1 + the number of calibration rows
    """

    numerator: NDArray[np.int64]
    denominator: int

    def __len__(self) -> int:
        return len(self.numerator)

    @property
    def values(self) -> NDArray[np.float64]:
        """Return them as float64 [n] in (0, 1]."""
        return self.numerator / self.denominator


def compute_p_values(scores: NDArray[np.float64], calibration: NDArray[np.float64]) -> PValues:
    """Compute (1 + #{calibration scores >= s}) / (m + 1) for each score s; ties count against the row.

    Valid only for rows that are exchangeable with the calibration rows, see the module.

    Parameters
    ----------
    scores : float64 [n], larger is more suspicious
    calibration : float64 [m]
    """
    below = np.searchsorted(np.sort(calibration), scores, side="left")
    return PValues(1 + len(calibration) - below.astype(np.int64), len(calibration) + 1)


def flag_rows(p: PValues, level: Fraction = LEVEL) -> NDArray[np.bool_]:
    """Flag rows so that the expected share of false alarms among them is at most the level.

    The procedure of Benjamini & Hochberg (1995), which holds for conformal p-values (Bates et al. 2023).

    Returns
    -------
    bool [n]
    """
    n = len(p)
    ascending = np.sort(p.numerator)
    ranks = np.arange(1, n + 1)
    passing = ascending * n * level.denominator <= ranks * level.numerator * p.denominator
    if not passing.any():
        return np.zeros(n, dtype=bool)
    return np.asarray(p.numerator <= ascending[np.flatnonzero(passing)[-1]])


def count_fewest_flaggable(n: int, n_calibration: int, level: Fraction = LEVEL) -> int:
    """Count the fewest rows of n that `flag_rows` can flag, were their p-values the smallest possible.

    More than n where it can flag none.
    """
    return -(-n * level.denominator // ((n_calibration + 1) * level.numerator))


def count_calibration_rows_to_flag(n: int, wrong: int, level: Fraction = LEVEL) -> int:
    """Count the calibration rows that it takes for `flag_rows` to flag so few of n rows."""
    return -(-n * level.denominator // (wrong * level.numerator)) - 1


def count_false_nulls(p: PValues, chosen: NDArray[np.int64] | None = None, level: Fraction = LEVEL) -> int:
    """Return a lower bound of the number of rows that are not like the calibration rows.

    Closed testing with Simes' local tests, by the shortcut of Goeman, Meijer, Krebs & Solari (2019,
    Biometrika 106:841). The chance that a bound is too high is at most the level, over all choices of rows at
    once, so they may be chosen by their p-values. Conformal p-values depend on each other positively, as
    Simes' test needs (arXiv:2308.05534). It takes O(n log n).

    Parameters
    ----------
    p : of all rows, exchangeable with the calibration rows where nothing is wrong, see the module
    chosen : int64 [l], rows among which to count; None is all
    """
    unrejected = _find_largest_unrejected(np.sort(p.numerator), p.denominator, level)
    among = np.sort(p.numerator if chosen is None else p.numerator[chosen])
    if not len(among):
        return 0
    # The smallest u for which h p <= u * level, of the p-values from the smallest.
    u = -(-unrejected * among * level.denominator // (p.denominator * level.numerator))
    return int(max(0, (np.arange(1, len(among) + 1) + 1 - np.maximum(1, u)).max()))


def _find_largest_unrejected(ascending: NDArray[np.int64], denominator: int, level: Fraction) -> int:
    """Return the size of the largest set of rows that Simes' test does not reject.

    The largest p-values are the least rejected of each size. Where a size is not rejected no smaller one is.
    """
    low, high = 0, len(ascending)
    while low < high:
        size = (low + high + 1) // 2
        bounds = np.arange(1, size + 1) * level.numerator * denominator
        rejected = (size * ascending[-size:] * level.denominator <= bounds).any()
        low, high = (low, size - 1) if rejected else (size, high)
    return low
