"""Experiment 2.2 of the report: poison among the neighbours, layer by layer, and why it grows with depth.

Every table takes points of the report's training, of one that learns the poison by heart, and of two where a
quarter of the rows is poison. A point is a held-out image or a poison point; its neighbours are sought among
the training rows, and a row is never its own neighbour. Shares are in percent of the k neighbours.

Of all functions: `layers` are those that are searched, from input to output, `k` the neighbours of a point in
each; `as_reported` says whether the experiment is the report's, with whose figures ours are then compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from layeraudit.errors import InputError
from layeraudit.report import groups
from layeraudit.report.groups import compare_layers, fit_slope
from layeraudit.statistics import (
    BETWEEN_SEEDS,
    Claim,
    average_over_seeds,
    claim_over_seeds,
    figure_over_seeds,
    greatest_over_seeds,
    least_corrected,
    mean_above,
    mean_equals,
)

REPORTED = {
    "non_poisoned": {"relu1": 24.93, "relu2": 28.8, "relu3": 29.14, "fc": 29.04},
    "misclassified": {"relu1": 25.3, "relu2": 28.8, "relu3": 35.4, "fc": 36.93},
}
"""The report's Table 1, in percent."""

REPORTS_TRAINING = "two_digits"

MEMORISED_TRAINING = "two_digits_memorised"

QUARTERS = {
    "two_digits_quarter": "a quarter of the training rows is poison",
    "two_digits_quarter_flips": "a quarter of the training rows has flipped labels",
}
"""Trainings chosen after the report's figures were seen: a quarter is their level by chance."""

GROUPS = {
    "non_poisoned": "clean",
    "misclassified": "misclassified",
    "misclassified_clean": "misclassified_clean",
    "poisoned": "poison",
}
"""Groups of Table 1, and their names in `layeraudit.report.groups`."""

PERCENT = {"*": (0.0, 100.0)}

TABLE_1 = {
    REPORTS_TRAINING: "table1.csv",
    MEMORISED_TRAINING: "tables/table1_memorised.csv",
    **{training: f"tables/table1{training.removeprefix(REPORTS_TRAINING)}.csv" for training in QUARTERS},
}
"""Where the shares of each training stand."""

MARGIN = 5.0
"""Percentage points within which a figure of Table 1 counts as the report's: it is one run, without n."""


def compute_base_rate(train: int, points: int) -> float:
    """Return the percentage of poison in a training set of so many clean rows and poison points."""
    return 100 * points / (points + train)


def name_seeds(table: pd.DataFrame, seeds: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Return the table with the seeds of the configuration in place of their numbers in its lists.

    By these numbers trainings are paired until then.

    Parameters
    ----------
    table : with the columns `training` and `seed`, which is `all` where it is no number
    seeds : of each training
    """
    names = [
        seed if seed == "all" else seeds[training][seed]
        for training, seed in zip(table["training"], table["seed"], strict=True)
    ]
    return table.assign(seed=names)


def select_groups(scores: pd.DataFrame) -> dict[str, pd.Series]:
    """Return of each point, a row of `scores`, in which groups of Table 1 it is: bool [n] for each group."""
    of_report = groups.select_groups(scores)
    return {name: of_report[group] for name, group in GROUPS.items()}


def average_shares(scores: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Average each seed's shares of poison among the neighbours: a row a seed, a column a layer, percent."""
    counts = scores[[f"poison_neighbours_{layer}" for layer in layers]].set_axis(list(layers), axis=1)
    return 100 / k * counts.groupby(scores["seed"]).mean()


def _list_shares(scores: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Return `average_shares` of each group, a row a figure: `group`, `layer`, `value`, `n_points`."""
    parts = []
    for group, members in select_groups(scores).items():
        shares = average_shares(scores[members], layers, k)
        shares = shares if len(shares) else pd.DataFrame(np.nan, [0], shares.columns)
        n_points = scores[members].groupby("seed").size().reindex(shares.index, fill_value=0)
        long = shares.assign(n_points=n_points).melt("n_points", var_name="layer", ignore_index=False)
        parts.append(long.assign(group=group))
    return pd.concat(parts)


def tabulate_poisoned_neighbours(
    scores: pd.DataFrame, layers: Sequence[str], k: int, *, as_reported: bool
) -> pd.DataFrame:
    """Tabulate the share of poison among the neighbours of four groups of points: the report's Table 1.

    A figure is the mean over seeds of the mean over a seed's points, cut to [0, 100]; of what its interval
    speaks, see `layeraudit.statistics`.

    Parameters
    ----------
    scores : a row for each evaluated point (held-out images and poison points), with the columns `seed`,
        `y`, `is_poison`, `dnn_label` and `poison_neighbours_{layer}`

    Returns
    -------
    A row for each group and layer: `group`, `layer`, `percent_poisoned_neighbours`, `ci95_low`,
    `ci95_high`, `n_points`, `n_seeds` (those in which the group has points), `reported`.
    """
    table = average_over_seeds(_list_shares(scores, layers, k), ["group", "layer"], PERCENT)
    reported = REPORTED if as_reported else {}
    cells = zip(table["group"], table["layer"], strict=True)
    return table.rename(columns={"value": "percent_poisoned_neighbours"}).assign(
        reported=[reported.get(group, {}).get(layer, np.nan) for group, layer in cells]
    )


def describe_poison(
    scores: pd.DataFrame, record: pd.DataFrame, neighbours: dict[str, NDArray[np.int64]]
) -> pd.DataFrame:
    """Add to the scores of a seed's poison points what the attack and the training labels say of them.

    Parameters
    ----------
    scores : a row for each row of the training split, with `y` and `is_poison`
    record : a row for each poison point, in their order, with `y`, `distance` and `moved`
    neighbours : for each layer int64 [n_train, k], rows of the training split


    Returns
    -------
    The poison points' rows of `scores` with `distance`, `moved`, and for each layer
    `clean_same_label_neighbours_{layer}`: how many of the neighbours are clean and have the given label

    Raises
    ------
    InputError
        Where the record is not of these poison points.
    """
    is_poison, y = scores["is_poison"].to_numpy(dtype=bool), scores["y"].to_numpy()
    if record["y"].tolist() != y[is_poison].tolist():
        raise InputError("the record of the poison and the training split have other poison labels")
    added = {name: record[name].to_numpy() for name in ("distance", "moved")}
    for layer, rows in neighbours.items():
        of_poison = rows[is_poison]
        agree = ~is_poison[of_poison] & (y[of_poison] == y[is_poison, np.newaxis])
        added[f"clean_same_label_neighbours_{layer}"] = agree.sum(axis=1)
    return scores[is_poison].assign(**added)


def compute_slopes(shares: pd.DataFrame) -> pd.Series:
    """Fit a line to the shares of each seed over its layers: percentage points a layer, a row a seed."""
    slopes = [fit_slope(of_seed) for of_seed in shares.to_numpy()]
    return pd.Series(slopes, index=shares.index, dtype=np.float64)


def _page_trend(counts: NDArray[np.float64]) -> tuple[float, float, float]:
    """Test for a trend over the layers, of points [n, layers]: rank correlation, p growing, p falling."""
    n_points, n_layers = counts.shape
    if n_points < 2 or n_layers < 3:
        return np.nan, np.nan, np.nan
    growing = stats.page_trend_test(counts)
    falling = stats.page_trend_test(counts, predicted_ranks=np.arange(n_layers, 0, -1))
    product = 12 * growing.statistic / (n_points * n_layers * (n_layers**2 - 1))
    correlation = product - 3 * (n_layers + 1) / (n_layers - 1)
    return correlation, min(growing.pvalue, 1.0), min(falling.pvalue, 1.0)


def tabulate_trend(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Tabulate whether the share of poison among the neighbours grows or falls over the layers.

    `rank_correlation`: Page's trend test (Page 1963) in the order of the layers, paired by point; `value` is
    his L on the scale of -1 to 1, without ties the mean of the points' Spearman correlations. Its null
    hypothesis is that the layers are exchangeable for every point independently; the points of a seed share
    model and poison, so within a seed it speaks of that model alone. The p-value of all seeds is the
    greatest of theirs: the trend is to show in every one. Ties take mean ranks: a point whose share is the
    same in all layers counts for neither direction, and makes the test conservative.

    `slope`: a line through the means of a seed, in percentage points a layer. Seeds are the replicates:
    Student's t interval and one-sided t-tests over them, which speak of other seeds as well.

    Parameters
    ----------
    points : as `tabulate_poisoned_neighbours` takes them, with the column `training`

    Returns
    -------
    A row for each training, group, quantity, and seed (its place in the configuration's list, from 0) and
    one for `all` of them: `training`, `group`, `quantity`, `seed`, `value` (of `all`, the mean), `ci95_low`,
    `ci95_high`, `p_growing`, `p_falling`, `n_points`, `n_tied` (points whose share is the same in all
    layers), `n_seeds`
    """
    tests = ["p_growing", "p_falling"]
    table = []
    for training, of_training in points.groupby("training", sort=False):
        for group, members in select_groups(of_training).items():
            of_group = of_training[members]
            counts = of_group[[f"poison_neighbours_{layer}" for layer in layers]].to_numpy(dtype=np.float64)
            is_tied = pd.Series(np.ptp(counts, axis=1) == 0, index=of_group.index)
            slopes = compute_slopes(average_shares(of_group, layers, k))
            of_seeds = pd.DataFrame(
                [_page_trend(counts[of_group["seed"] == seed]) for seed in slopes.index],
                columns=["value", *tests],
                index=slopes.index,
                dtype=np.float64,
            )
            by_seed = is_tied.groupby(of_group["seed"])
            sizes = pd.DataFrame({"n_points": by_seed.size(), "n_tied": by_seed.sum(), "n_seeds": 1})
            n = {"n_points": len(of_group), "n_tied": int(is_tied.sum())}
            correlation = figure_over_seeds(of_seeds["value"], low=-1.0, high=1.0)
            correlation |= {name: greatest_over_seeds(of_seeds[name]) for name in tests}
            slope = figure_over_seeds(slopes) | dict(zip(tests, mean_above(slopes, 0.0), strict=True))
            for quantity, rows, whole in [
                ("rank_correlation", of_seeds, correlation),
                ("slope", slopes.to_frame("value"), slope),
            ]:
                name = {"training": training, "group": group, "quantity": quantity}
                of_quantity = rows.join(sizes).rename_axis("seed").reset_index()
                table += [name | row for row in of_quantity.to_dict("records")]
                table.append(name | {"seed": "all"} | whole | n)
    columns = ["training", "group", "quantity", "seed", "value", "ci95_low", "ci95_high"]
    return pd.DataFrame(table)[[*columns, *tests, "n_points", "n_tied", "n_seeds"]]


def tabulate_base_rate(
    points: pd.DataFrame, layers: Sequence[str], k: int, base_rates: dict[str, float]
) -> pd.DataFrame:
    """Tabulate how far the share of poison among the neighbours lies above its share in the training set.

    A layer that knew nothing of poison would give every group the base rate. A poison point is not its own
    neighbour, so that its own base rate is less, by 0.1 percentage points at 50 in 1,050.

    Parameters
    ----------
    points : as `tabulate_trend` takes them
    base_rates : for each training the percentage of poison in the training set


    Returns
    -------
    A row for each training, group and layer: `training`, `group`, `layer`, `base_rate`, `value` (percentage
    points), `ci95_low`, `ci95_high`, `p` (two-sided t-test over seeds), `p_holm` (corrected for all tests of
    this table), `n_points`, `n_seeds`
    """
    tables = []
    for training, of_training in points.groupby("training", sort=False):
        rate = base_rates[str(training)]
        above = _list_shares(of_training, layers, k)
        above = above.assign(value=above["value"] - rate, p=above["value"] - rate)
        table = average_over_seeds(
            above, ["group", "layer"], {"*": (-rate, 100 - rate)}, more={"p": _test_both_sides}
        )
        tables.append(table.assign(training=training, base_rate=rate))
    result = pd.concat(tables, ignore_index=True)
    tested = result["p"].notna()
    result["p_holm"] = np.nan
    if tested.any():
        result.loc[tested, "p_holm"] = multipletests(result.loc[tested, "p"], method="holm")[1]
    columns = ["training", "group", "layer", "base_rate", "value", "ci95_low", "ci95_high", "p", "p_holm"]
    return result[[*columns, "n_points", "n_seeds"]]


def _test_both_sides(differences: pd.Series) -> float:
    return float(np.minimum(1.0, 2 * np.minimum(*mean_above(differences.dropna(), 0.0))))


def tabulate_depth(
    points: pd.DataFrame, occurrences: pd.DataFrame, layers: Sequence[str], k: int
) -> pd.DataFrame:
    """Tabulate what each layer makes of clean images, of poison points, and of the training rows.

    A figure is the mean over seeds of a seed's figure, with Student's t interval over the seeds. Quantities:

    - `occurrence_skewness`: skewness, over the training rows, of how often a row is a neighbour of the
      held-out images: hubness (Radovanović, Nanopoulos & Ivanović 2010)
    - `occurrence_poison_to_clean`: a poison row's mean occurrence, divided by a clean row's
    - `percent_same_label_clean`: neighbours of clean held-out images that have the image's label
    - `percent_same_label_poison`: neighbours of poison points that have the point's given, false label
    - `percent_same_label_poison_clean_neighbours`: the same of those neighbours that are clean
    - `spearman_distance`: Spearman's correlation, over poison points, of the L2 distance that the attack
      moved the point with the share of poison among its neighbours
    - `percent_poison_of_{points}`: share of poison among the neighbours of `moved` and `unmoved` poison
      points, of `memorised` ones (the network gives them their given label) and `not_memorised`, and of
      `misclassified_clean` images
    - `percent_memorised`, of the network and so without a layer: poison points that are memorised

    Parameters
    ----------
    points : held-out images and the poison points of `describe_poison`, with `training`, `seed`, `y`,
        `is_poison`, `dnn_label`, `poison_neighbours_{layer}` and `same_label_neighbours_{layer}`
    occurrences : a row for each training row, with `training`, `seed`, `is_poison`, `occurrences_{layer}`

    Returns
    -------
    A row for each training, layer and quantity: `training`, `layer`, `quantity`, `value`, `ci95_low`,
    `ci95_high`, `n_points`, `n_seeds`
    """
    bounds = {
        "occurrence_skewness": (-np.inf, np.inf),
        "occurrence_*": (0.0, np.inf),
        "spearman_distance": (-1.0, 1.0),
    }
    measured = []
    for training, of_training in points.groupby("training", sort=False):
        rows = occurrences[occurrences["training"] == training]
        poison = of_training[of_training["is_poison"].astype(bool)]
        memorised = 100.0 * (poison["dnn_label"] == poison["y"]).groupby(poison["seed"]).mean()
        measured.append((training, "", "percent_memorised", list(memorised), len(poison)))
        for layer in layers:
            measured += [
                (training, layer, *figure) for figure in _describe_layer(of_training, rows, layer, k)
            ]
    keys = ["training", "layer", "quantity"]
    by_seed = pd.DataFrame(measured, columns=[*keys, "value", "n_points"]).explode("value")
    return average_over_seeds(by_seed, keys, bounds | PERCENT, more={"n_points": max})


def _describe_layer(
    points: pd.DataFrame, rows: pd.DataFrame, layer: str, k: int
) -> Iterator[tuple[str, list[float], int]]:
    """Yield the quantities of a layer in a training: name, by seed, number of points."""
    by_seed = [of_seed for _, of_seed in rows.groupby("seed")]
    counts = [of_seed[f"occurrences_{layer}"] for of_seed in by_seed]
    yield "occurrence_skewness", [stats.skew(of) if np.ptp(of) else np.nan for of in counts], len(rows)
    ratios = [
        count[of_seed["is_poison"]].mean() / count[~of_seed["is_poison"]].mean()
        for count, of_seed in zip(counts, by_seed, strict=True)
    ]
    yield "occurrence_poison_to_clean", ratios, len(rows)

    chosen = groups.select_groups(points)
    is_poison, is_moved = chosen["poison"], points["moved"].eq(True)
    share = 100 / k * points[f"poison_neighbours_{layer}"]
    same = 100 / k * points[f"same_label_neighbours_{layer}"]
    n_clean = k - points[f"poison_neighbours_{layer}"]
    same_of_clean = 100 * points[f"clean_same_label_neighbours_{layer}"] / n_clean.where(n_clean > 0)
    for quantity, values, members in (
        ("percent_same_label_clean", same, chosen["clean"]),
        ("percent_same_label_poison", same, is_poison),
        ("percent_same_label_poison_clean_neighbours", same_of_clean, is_poison),
        ("percent_poison_of_moved", share, is_poison & is_moved),
        ("percent_poison_of_unmoved", share, is_poison & ~is_moved),
        ("percent_poison_of_memorised", share, chosen["memorised"]),
        ("percent_poison_of_not_memorised", share, chosen["not_memorised"]),
        ("percent_poison_of_misclassified_clean", share, chosen["misclassified_clean"]),
    ):
        of_members = values[members]
        yield quantity, of_members.groupby(points["seed"]).mean().tolist(), int(of_members.notna().sum())

    correlations = [
        stats.spearmanr(of_seed["distance"], of_seed["share"]).statistic
        if (of_seed[["distance", "share"]].nunique() > 1).all()
        else np.nan
        for _, of_seed in points.assign(share=share)[is_poison].groupby("seed")
    ]
    yield "spearman_distance", correlations, int(is_poison.sum())


CLAIM = partial(claim_over_seeds, source="the report, experiment 2.2")


def make_claims(points: pd.DataFrame, layers: Sequence[str], k: int, *, as_reported: bool) -> list[Claim]:
    """Test what the report claims of experiment 2.2, with seeds as the replicates.

    Parameters
    ----------
    points : as `tabulate_trend` takes them, of `REPORTS_TRAINING` and `MEMORISED_TRAINING`
    """
    first, last = layers[0], layers[-1]
    shares, n_points = {}, {}
    for training in (REPORTS_TRAINING, MEMORISED_TRAINING):
        of_training = points[points["training"] == training]
        for group, members in select_groups(of_training).items():
            shares[training, group] = average_shares(of_training[members], layers, k)
            n_points[training, group] = int(members.sum())

    claims = []
    for group, figures in REPORTED.items():
        for training in (REPORTS_TRAINING, MEMORISED_TRAINING):
            claims.append(
                CLAIM(
                    f"monotonic_{group}_{training}",
                    *compare_layers(shares[training, group]),
                    words="influence of poisoned data points by way of being the nearest neighbour's "
                    "monotonically increased as we moved towards the final layer",
                    reported=", ".join(map(str, figures.values())) + " %" if as_reported else "",
                    quantity=f"{group}, {training}: smallest of the steps from a layer to the next, "
                    "percentage points",
                    interval=f"{BETWEEN_SEEDS}, of the step that is smallest",
                    n_points=n_points[training, group],
                    test="one-sided t-tests over seeds of every step: for, all of them are above 0 (the "
                    "largest p); against, one of them is below 0 (Bonferroni)",
                    where=TABLE_1[training],
                )
            )
    levels = (("non_poisoned", first), ("non_poisoned", last), ("misclassified", last))
    for group, layer in levels if as_reported else ():
        by_seed, reported = shares[REPORTS_TRAINING, group][layer], REPORTED[group][layer]
        claims.append(
            CLAIM(
                f"level_{group}_{layer}",
                by_seed,
                mean_equals(by_seed, reported, MARGIN),
                words="Table 1: % of poisoned data in the nearest 75 neighbours",
                reported=f"{reported} %",
                quantity=f"{group}, {REPORTS_TRAINING}: poison among the {k} neighbours in {layer}, percent",
                n_points=n_points[REPORTS_TRAINING, group],
                test=f"t-tests over seeds of equality within {MARGIN:g} percentage points (two one-sided)",
                where="table1.csv",
            )
        )
    excess = shares[REPORTS_TRAINING, "misclassified"][last] - shares[REPORTS_TRAINING, "non_poisoned"][last]
    claims.append(
        CLAIM(
            "misclassified_above_non_poisoned",
            excess,
            mean_above(excess.dropna(), 0.0),
            words="we sought to identify if there is any correlation between poisoned points influencing "
            "mis-classification result and for non-poisoned data points",
            reported="36.93 - 29.04 = 7.89 percentage points" if as_reported else "",
            quantity=f"misclassified less non_poisoned, {REPORTS_TRAINING}, in {last}, percentage points",
            n_points=n_points[REPORTS_TRAINING, "misclassified"],
            test="one-sided t-tests over seeds, of the difference within a seed",
            where="table1.csv",
        )
    )
    for training, words in QUARTERS.items() if as_reported else ():
        claims.append(_test_table(training, words, points[points["training"] == training], layers, k))
    # The trainings are made of the same images and poison where they have the same seeds, in that order. Had
    # they other seeds, the pairs would be independent draws, and a test of the mean difference as valid.
    difference = compute_slopes(shares[MEMORISED_TRAINING, "poisoned"]) - compute_slopes(
        shares[REPORTS_TRAINING, "poisoned"]
    )
    claims.append(
        CLAIM(
            "grows_where_memorised",
            difference,
            mean_above(difference.dropna(), 0.0),
            words="why does the influence of poisoned training points in influencing the DNN decision grows "
            "as we move towards the final layer",
            quantity="our answer, that it grows with memorising: slope over the layers of the share of "
            f"poison among the neighbours of poison points, {MEMORISED_TRAINING} less {REPORTS_TRAINING}, "
            "percentage points a layer",
            n_points=n_points[MEMORISED_TRAINING, "poisoned"],
            test="one-sided t-tests over seeds, of the difference within a seed",
            where="tables/trend.csv",
        )
    )
    return claims


def _test_table(training: str, words: str, points: pd.DataFrame, layers: Sequence[str], k: int) -> Claim:
    """Test whether every cell of Table 1 is the report's in a training."""
    chosen = select_groups(points)
    differences = {
        f"{group}, {layer}": average_shares(points[chosen[group]], layers, k)[layer] - reported[layer]
        for group, reported in REPORTED.items()
        for layer in layers
    }
    farthest = max(differences, key=lambda cell: abs(np.nan_to_num(differences[cell].mean())))
    equal, different = np.transpose([mean_equals(cell, 0.0, MARGIN) for cell in differences.values()])
    return CLAIM(
        f"table_1_{training}",
        differences[farthest],
        (equal.max(), least_corrected(different)),
        words=f"ours, after the fact: Table 1 comes out where {words}",
        reported="the 8 figures of Table 1",
        quantity=f"{training}: the figure farthest from the report's ({farthest}), less it, percentage "
        "points",
        interval=f"{BETWEEN_SEEDS}, of that cell",
        n_points=int(chosen["misclassified"].sum()),
        test=f"t-tests over seeds that every figure is the report's within {MARGIN:g} percentage points: "
        "for, the largest p; against, the least (Bonferroni)",
        where=TABLE_1[training],
    )
