"""Detectors: how suspicious an input is, judged by what the network makes of it.

There is a detector a module, found by its name in the configuration. The first line of its docstring is its
idea, which the leaderboard prints. A module has

    TITLE : its name, as tables, figures and pages print it
    REFERENCE : authors, year and link of its paper, as "Ma et al. 2018, https://arxiv.org/abs/1801.02613"; ""
        where it has none
    BENCHES : of "poison" (it judges the training rows, by the labels that they were given) and "evasion" (it
        judges other inputs, by the labels that the network gives them), those that it is for
    VARIANT_OF : the method that it is a variant of, if it is one: ranks can show a method once
    ENVIRONMENT : the file of `envs/`, without its ending, that has what it imports
    OPTIONS : its options, a JSON Schema for each name; all are required
    fit(training, calibration, *, seed, **options) : takes the `Evidence` of the training rows and of held-out
        calibration rows, whose labels are true, and returns a function of evidence, which scores its rows:
        float64 [n], finite; larger is more suspicious

All but the function are literals, since the configuration is checked where the libraries are not installed.
All detectors are given the same evidence: one capture of activations, one search for neighbours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Evidence:
    """What is known of n inputs.

    Attributes
    ----------
    y : int64 [n], the label that is in question: given to a training row, true of a calibration row, the
        network's for any other input
    activations : for each layer float32 [n, d], flattened, raw; may be mapped from a file, read-only
    neighbours : for each layer int64 [n, k], training rows, nearest first, none of them the row itself; empty
        for the training rows of the evasion bench, whose neighbours nobody asks for
    logits : float32 [n, classes]
    is_suspect : bool [n], what is to be found; only the control `perfect` may look at it
    x : float32 [n, channels, height, width] in [0, 1], the pixels; only the control `grey_pixels` looks at it
    """

    y: NDArray[np.int64]
    activations: Mapping[str, NDArray[np.float32]]
    neighbours: Mapping[str, NDArray[np.int64]]
    logits: NDArray[np.float32]
    is_suspect: NDArray[np.bool_]
    x: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.y)


Score = Callable[[Evidence], NDArray[np.float64]]
"""Scores the rows of evidence; larger is more suspicious."""
