"""Experiment 1 of the report: a DkNN of clean images is shown poison points mixed with clean digits.

The report counts "4/15" and "25/50" points as poisoned, and says that the others "were not actually
poisoned". It does not say how it told them apart. We read it in two ways, and count both: the solver `moved`
the point away from its source image, or the clean network has the point `misclassified`, that is, does not
give it its true digit.

Clean images are the held-out images of the poison's two digits. One digit may be far more credible than the
other, and a set of poison is too small to hold as many of each, so poison is compared with clean images of
the same digit and seed.

Of all functions: `points` are as `read_points` returns them.
"""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import pandas as pd

from layeraudit.errors import InputError
from layeraudit.report.measures import average_points, list_figures
from layeraudit.tables import read_parquet, read_scores, read_table

LOW, HIGH = 0.1, 0.5
"""Credibility below `LOW` is called low, above `HIGH` high; the report gives no bounds."""


def read_points(
    test: Sequence[Path], scores: Sequence[Path], records: Sequence[Path], seeds: Sequence[int]
) -> pd.DataFrame:
    """Read the clean images of the poison's two digits, and all poison points.

    Parameters
    ----------
    test : scores of the held-out images, a file a seed
    scores, records : of the poison, `.parquet` and `.csv`, set after set, each a file a seed
    seeds : in the order of the files

    Returns
    -------
    A row for each image, with the columns of the scores, `seed`, `points` (the number of points in its set,
    0 for a clean image) and `moved`

    Raises
    ------
    InputError
        Where a file cannot be read, or a record is of other points than the scores.
    """
    sets = []
    for path, of_attack, seed in zip(scores, records, cycle(seeds), strict=False):
        poison, record = read_parquet(path), read_table(of_attack)
        points = poison.merge(record[["row", "moved"]], on="row")
        if not len(points) == len(poison) == len(record):
            raise InputError(
                f"the record {of_attack} holds {len(record)} points, "
                f"allowed are the {len(poison)} of the scores"
            )
        sets.append(points.assign(seed=seed, points=len(points)))
    shown = pd.concat(sets)
    clean = read_scores(test, seeds).assign(points=0, moved=False)
    clean = clean[clean["y_true"].isin(pd.concat([shown["y_true"], shown["y"]]))]
    return pd.concat([clean, shown], ignore_index=True)


def group_points(points: pd.DataFrame) -> dict[tuple[int, str], pd.DataFrame]:
    """Return the clean images and, of each set, the poison points in each way that we tell them apart.

    Returns
    -------
    The rows of each group, none for an empty one, by the number of points in the set and the group's name
    """
    groups = {(0, "clean"): points[points["points"] == 0]}
    for size in sorted(set(points["points"]) - {0}):
        poison = points[points["points"] == size]
        wrong = poison["dnn_label"] != poison["y_true"]
        groups |= {
            (size, "poison"): poison,
            (size, "moved"): poison[poison["moved"]],
            (size, "not_moved"): poison[~poison["moved"]],
            (size, "misclassified"): poison[wrong],
            (size, "not_misclassified"): poison[~wrong],
        }
    return groups


def measure_credibility(points: pd.DataFrame) -> pd.DataFrame:
    """Measure the accuracy and credibility of clean images and of poison points in each seed.

    Accuracy is against the true digit. `number_of_points` is how many of a set are moved or misclassified,
    the report's count. `credibility_less_clean` and `low_share_less_clean` are the mean credibility, and the
    share of low credibility, of poison points that the network reads rightly, less those of clean images of
    the same digit that it reads rightly.

    Returns
    -------
    `points` (of the set, 0 for clean images), `group`, `quantity`, `seed`, `value` (NaN of no point),
    `n_points` (of the group; of `number_of_points`, of the set)
    """
    rows: list[dict[str, object]] = []
    for seed, of_seed in points.groupby("seed", sort=False):
        groups = group_points(of_seed)
        clean = groups[0, "clean"]
        clean = clean[clean["dnn_label"] == clean["y_true"]]
        for (size, group), members in groups.items():
            keys = {"points": size, "group": group, "seed": seed}
            rows += list_figures(_describe(members), len(members), **keys)
            if group in ("moved", "misclassified"):
                n_of_set = len(groups[size, "poison"])
                rows += list_figures({"number_of_points": len(members)}, n_of_set, **keys)
            if group == "not_misclassified":
                rows += average_points(subtract_clean(members, clean), **keys)
    return pd.DataFrame(rows)


def _describe(members: pd.DataFrame) -> dict[str, float]:
    credibility = members["credibility"]
    return {
        "dnn_accuracy": (members["dnn_label"] == members["y_true"]).mean(),
        "dknn_accuracy": (members["dknn_label"] == members["y_true"]).mean(),
        "mean_credibility": credibility.mean(),
        "median_credibility": credibility.median(),
        f"share_credibility_below_{LOW}": (credibility < LOW).mean(),
        f"share_credibility_above_{HIGH}": (credibility > HIGH).mean(),
    }


def subtract_clean(poison: pd.DataFrame, clean: pd.DataFrame) -> dict[str, pd.Series]:
    """Return by how much each poison point of a seed differs from the clean images of its digit.

    Points without such an image are left out.
    """
    poison, clean = (of.assign(low_share=of["credibility"] < LOW) for of in (poison, clean))
    of_digits = clean.groupby("y_true")[["credibility", "low_share"]].mean()
    expected = of_digits.reindex(poison["y_true"]).set_axis(poison.index)
    return {f"{name}_less_clean": (poison[name] - expected[name]).dropna() for name in expected}
