"""Experiment 1 of the report: a DkNN of clean images is shown poison points mixed with clean digits.

The report counts "4/15" and "25/50" points as poisoned, and says that the others "were not actually
poisoned". It does not say how it told them apart. We read it in two ways, and count both: the solver `moved`
the point away from its source image, or the clean network has the point `misclassified`, that is, does not
give it its true digit.

Clean images are the held-out images of the poison's two digits. One digit may be far more credible than the
other, and a set of poison is too small to hold as many of each, so where a claim compares poison with clean
images, it is with those of the same digit and seed.

Of all functions: `points` are as `read_points` returns them; `as_reported` says whether the experiment is the
report's, with whose figures ours are then compared.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import StratifiedTable

from layeraudit.errors import InputError
from layeraudit.statistics import (
    BETWEEN_POINTS,
    BETWEEN_SEEDS_OF_ONE_POOL,
    Claim,
    average_over_seeds,
    claim_over_seeds,
    interval_of_share,
    mean_above,
    mean_equals,
    share_above,
    share_equals,
)
from layeraudit.tables import read_scores

REPORTED_POISONED = {15: 4, 50: 25}
"""Really poisoned points, by the number of points in the set."""

LOW, HIGH = 0.1, 0.5
"""Credibility below `LOW` is called low, above `HIGH` high; the report gives no bounds."""

SOME = 0.01
"""Some points are more than one in a hundred."""

MARGIN_OF_COUNT = 0.1
"""Counts are equal when they differ by less than this share of the set's points."""

MARGIN_OF_CREDIBILITY = 0.1
"""Mean credibility is as high as another when it is not lower by this much."""

SOURCE = "the report, section 3.1, experiment 1"
TABLE = "tables/experiment_1.csv"


def read_points(test: list[Path], scores: list[Path], records: list[Path]) -> pd.DataFrame:
    """Read the clean images of the poison's two digits, and all poison points.

    Parameters
    ----------
    test : scores of the held-out images, a file a seed
    scores, records : of the poison, files of a name for each set, `.parquet` and `.csv`; those of one name in
        the order of the seeds


    Returns
    -------
    A row for each image, with the columns of the scores, `seed`, `points` (the number of points in its set,
    0 for a clean image), `distance` (from the source image, L2) and `moved`

    Raises
    ------
    InputError
        Where a file cannot be read, or a record is of other points than the scores.
    """
    sets = []
    for name in dict.fromkeys(path.stem for path in scores):
        poison = read_scores([path for path in scores if path.stem == name])
        record = pd.concat(
            pd.read_csv(path).assign(seed=seed)
            for seed, path in enumerate(path for path in records if path.stem == name)
        )
        points = poison.merge(record[["seed", "row", "distance", "moved"]], on=["seed", "row"])
        if not len(points) == len(poison) == len(record):
            raise InputError(
                f"the records of {name} hold {len(record)} points, "
                f"allowed are the {len(poison)} of the scores"
            )
        sets.append(points.assign(points=points.groupby("seed")["row"].transform("size")))
    poison = pd.concat(sets)
    clean = read_scores(test).assign(points=0, distance=0.0, moved=False)
    clean = clean[clean["y_true"].isin(pd.concat([poison["y_true"], poison["y"]]))]
    return pd.concat([clean, poison], ignore_index=True)


def group_points(points: pd.DataFrame) -> dict[tuple[int, str], pd.DataFrame]:
    """Separate the clean images and, of each size, the poison points in each way that we tell them apart.

    `mixture`, what the report's graphs show, is the poison points and as many clean images of each seed,
    which lie in random order.

    Returns
    -------
    The rows of each group, none for an empty one, by the number of points in the set and the group's name
    """
    clean = points[points["points"] == 0]
    groups = {(0, "clean"): clean}
    for size in sorted(set(points["points"]) - {0}):
        poison = points[points["points"] == size]
        wrong = poison["dnn_label"] != poison["y_true"]
        groups |= {
            (size, "mixture"): pd.concat([poison, clean.groupby("seed").head(size)]),
            (size, "poison"): poison,
            (size, "moved"): poison[poison["moved"]],
            (size, "not_moved"): poison[~poison["moved"]],
            (size, "misclassified"): poison[wrong],
            (size, "not_misclassified"): poison[~wrong],
        }
    return groups


def measure_seeds(group: pd.DataFrame, seeds: pd.Index) -> pd.DataFrame:
    """Measure a group in every seed.

    Parameters
    ----------
    group : rows of `read_points`
    seeds : all seeds, those without a point of the group too


    Returns
    -------
    A row for each seed, a column for each quantity: `number_of_points`, and others that are NaN where the
    seed has no point
    """
    credibility = group["credibility"]
    values = {
        "dnn_accuracy": group["dnn_label"] == group["y_true"],
        "dknn_accuracy": group["dknn_label"] == group["y_true"],
        "mean_credibility": credibility,
        "median_credibility": credibility,
        f"share_credibility_below_{LOW}": credibility < LOW,
        f"share_credibility_above_{HIGH}": credibility > HIGH,
    }
    of_seeds = pd.DataFrame(values).groupby(group["seed"])
    by_seed = of_seeds.mean().assign(median_credibility=of_seeds["median_credibility"].median())
    by_seed.insert(0, "number_of_points", of_seeds.size())
    return by_seed.reindex(seeds).fillna({"number_of_points": 0}).astype(np.float64)


def tabulate_credibility(points: pd.DataFrame, *, as_reported: bool) -> pd.DataFrame:
    """Tabulate the number, accuracy and credibility of clean images and of poison points, in groups.

    Seeds in which a group has no point count for its number alone. Accuracy is against the true digit. The
    report's 4 of 15 and 25 of 50 stand beside both groups that they may mean.

    Returns
    -------
    A row for each figure: `points` (of the set, 0 for clean images), `group`, `quantity`, `value`,
    `ci95_low`, `ci95_high`, `interval`, `n_points` (of the group; where they are counted, of the set),
    `n_seeds`, `reported`
    """
    seeds, groups = pd.Index(points["seed"].unique(), name="seed"), group_points(points)
    measured = []
    for (size, group), members in groups.items():
        by_seed = measure_seeds(members, seeds).melt(var_name="quantity", ignore_index=False)
        among = members if group in ("clean", "mixture") else groups[size, "poison"]
        sizes = [by_seed.index.map(of.groupby("seed").size().get).fillna(0) for of in (among, members)]
        n_points = np.where(by_seed["quantity"] == "number_of_points", *sizes)
        measured.append(by_seed.assign(points=size, group=group, n_points=n_points))
    table = average_over_seeds(
        pd.concat(measured),
        ["points", "group", "quantity"],
        {"number_of_points": (0.0, np.inf)},
        interval=BETWEEN_SEEDS_OF_ONE_POOL,
    )
    numbers = (table["quantity"] == "number_of_points") & ~table["group"].isin(["clean", "mixture"])
    table["ci95_high"] = table["ci95_high"].clip(upper=table["points"].where(numbers, np.inf))
    compared = numbers & table["group"].isin(["moved", "misclassified"]) & as_reported
    return table.assign(reported=table["points"].map(REPORTED_POISONED).where(compared))


def subtract_clean(poison: pd.DataFrame, clean: pd.DataFrame, seeds: pd.Index) -> pd.DataFrame:
    """Measure by how much poison points differ from clean images of the same digit, in every seed.

    Returns
    -------
    A row for each seed, and the columns `credibility` (difference of means) and `low` (difference of the
    shares of low credibility), NaN where the seed has no such pair
    """
    by_digit = ["seed", "y_true"]
    poison, clean = (of.assign(low=of["credibility"] < LOW) for of in (poison, clean))
    expected = clean.groupby(by_digit)[["credibility", "low"]].mean().reset_index()
    pairs = poison.merge(expected, on=by_digit, suffixes=("", "_clean"))
    difference = {name: pairs[name] - pairs[f"{name}_clean"] for name in ("credibility", "low")}
    return pd.DataFrame(difference).groupby(pairs["seed"]).mean().reindex(seeds)


def compare_low_credibility(poison: pd.DataFrame, clean: pd.DataFrame) -> tuple[float, float]:
    """Test whether low credibility is more frequent among poison points than among clean images.

    Mantel and Haenszel's test (1959) with a stratum for each seed and digit, where a point is the unit: it
    permutes which images of a digit are poison, for the network of a seed.

    Returns
    -------
    p whose alternative is that it is more frequent, and p whose alternative is that it is less so; NaN where
    no digit of a seed has both kinds
    """
    low = [
        frame["credibility"].lt(LOW).groupby([frame["seed"], frame["y_true"]]) for frame in (poison, clean)
    ]
    counts = pd.concat(
        [part for is_low in low for part in (is_low.sum(), is_low.size() - is_low.sum())], axis=1
    )
    tables = counts.dropna().to_numpy(dtype=np.float64).reshape(-1, 2, 2)
    if not len(tables):
        return np.nan, np.nan
    of_each_kind, low_or_not = tables.sum(axis=2), tables.sum(axis=1)
    expected = of_each_kind[:, 0] * low_or_not[:, 0] / tables.sum(axis=(1, 2))
    if not (low_or_not > 0).all(axis=1).any():  # all alike in every stratum, so nothing to compare
        return 1.0, 1.0
    both_ways = float(StratifiedTable(tables.transpose(1, 2, 0)).test_null_odds(correction=False).pvalue)
    is_more = tables[:, 0, 0].sum() > expected.sum()
    return (both_ways / 2, 1 - both_ways / 2) if is_more else (1 - both_ways / 2, both_ways / 2)


def make_claims(points: pd.DataFrame, *, as_reported: bool) -> list[Claim]:
    """Test what the report claims of experiment 1.

    The sets of one seed are made of the same source images, as far as they go, so comparisons with clean
    images are made on the largest set only, not twice on nearly the same points. Whether the solver moves a
    point depends on the points before it, so moved points are counted over seeds; whether the network gets a
    point wrong does not, and there a point is the unit.
    """
    seeds, groups = pd.Index(points["seed"].unique(), name="seed"), group_points(points)
    sizes = sorted({size for size, _ in groups} - {0})
    largest, clean = groups[sizes[-1], "not_misclassified"], groups[0, "clean"]
    clean = clean[clean["dnn_label"] == clean["y_true"]]
    low, more = largest["credibility"] < LOW, subtract_clean(largest, clean, seeds)
    of_poison = f"poison points (set of {sizes[-1]})"
    of_both = f"{of_poison} less clean images of the same digit, all read rightly"
    words_on_low = "credibility scores were low for some samples even though accuracy may be high"
    claim = partial(claim_over_seeds, source=SOURCE, where=TABLE)
    claims = [
        claim(
            "low_credibility_although_right",
            low.groupby(largest["seed"]).mean(),
            share_above(int(low.sum()), len(low), SOME),
            bounds=(0, 1),
            words=words_on_low,
            quantity=f"share with credibility below {LOW}: {of_poison}, all read rightly",
            n_points=len(largest),
            test=f"binomial test (unit: a point) that it is above {SOME}",
            bound=SOME,
        ),
        claim(
            "low_credibility_more_often_than_clean",
            more["low"],
            compare_low_credibility(largest, clean),
            bounds=(-1, 1),
            words=f"{words_on_low} (read as: for more of the poison than of clean images)",
            quantity=f"share with credibility below {LOW}: {of_both}",
            n_points=len(largest),
            test="Mantel and Haenszel's test, a stratum for each seed and digit (unit: a point)",
            bound=0.0,
        ),
        claim(
            "right_poison_as_credible_as_clean",
            more["credibility"],
            mean_above(more["credibility"].dropna(), -MARGIN_OF_CREDIBILITY),
            bounds=(-1, 1),
            words="DNN itself was sufficient to correctly classify the samples, therefore high credibility",
            quantity=f"mean credibility: {of_both}",
            n_points=len(largest),
            test=f"t-test over seeds that the difference is above -{MARGIN_OF_CREDIBILITY}",
        ),
    ]
    for size in sizes:
        shares = measure_seeds(groups[size, "poison"], seeds)[f"share_credibility_above_{HIGH}"]
        claims.append(
            claim(
                f"most_of_{size}_points_credible",
                shares,
                mean_above(shares.dropna(), 0.5),
                bounds=(0, 1),
                words="we have high credibility for most of the samples",
                quantity=f"share of the {size} poison points with credibility above {HIGH}",
                n_points=len(groups[size, "poison"]),
                test="t-test over seeds that the share is above one half",
            )
        )
    # Sets of other sizes are none of the report's.
    for size in sorted(set(sizes) & REPORTED_POISONED.keys()) if as_reported else ():
        reported, margin = REPORTED_POISONED[size], MARGIN_OF_COUNT * size
        moved, wrong = (
            measure_seeds(groups[size, group], seeds)["number_of_points"]
            for group in ("moved", "misclassified")
        )
        n_wrong, n = int(wrong.sum()), len(groups[size, "poison"])
        ci_low, ci_high = interval_of_share(n_wrong, n)
        of_size = partial(
            claim,
            words="included samples which were not actually poisoned",
            reported=f"{reported} of {size} poisoned",
            n_points=n,
        )
        claims += [
            of_size(
                f"{reported}_of_{size}_points_moved",
                moved,
                mean_equals(moved, reported, margin),
                bounds=(0, size),
                quantity=f"points that the solver moved, of {size} in a seed",
                test=f"two one-sided t-tests over seeds, margin {margin:g} points of {size}",
            ),
            of_size(
                f"{reported}_of_{size}_points_misclassified",
                wrong,
                share_equals(n_wrong, n, reported / size, margin / size),
                quantity=f"points that the network gets wrong, of {size} in a seed",
                ci95_low=size * ci_low,
                ci95_high=size * ci_high,
                interval=BETWEEN_POINTS,
                test=f"two one-sided binomial tests (unit: a point), margin {margin:g} points of {size}",
            ),
        ]
    return claims
