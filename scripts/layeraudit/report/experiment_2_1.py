"""Experiment 2.1 of the report: a network of all ten digits, with poison points in its training.

The report counts 414 misclassified points, 364 of them clean, and does not say of which images. Both readings
stand in every table, under `evaluated`: `held_out` (the test images, and the poison points) and `training`
(all training rows, the poison points among them; none of them is its own neighbour). A point is misclassified
where the network gives it another label than the one that it was given, so poison that is read as its true
digit is misclassified.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from statsmodels.stats.contingency_tables import mcnemar

from layeraudit.statistics import (
    BETWEEN_POINTS,
    BETWEEN_SEEDS_OF_ONE_POOL,
    SIGNIFICANCE_LEVEL,
    Claim,
    figure_over_seeds,
    greatest_over_seeds,
    interval_of_share,
    mean_above,
    mean_equals,
    share_differs,
)

EVALUATED = ("held_out", "training")

REPORTED = {
    ("misclassified", "points"): 414,
    ("misclassified_clean", "points"): 364,
    ("poison", "points"): 50,
}
"""The report's counts, by group and quantity."""

REPORTED_RECOVERY = {
    "misclassified_points": 364,
    "recovered_points": 213,
    "recovered_share": 213 / 364,
}
"""The report's counts, and their share, by quantity."""

BOUNDS = {"points": (0.0, np.inf), "net_points": (-np.inf, np.inf)}
"""The least and greatest value of quantities, by the end of their name; of all others 0 and 1."""

CREDIBILITY_BINS = np.arange(11) / 10
"""Divided, not multiplied, so that a p-value of 225 / 750 is the same number as the edge 0.3."""

RESAMPLES = 9999

PERMUTATION_BATCH = 100
"""Permutations at once: 100 of 8,700 points are 7 MB, and no number is faster."""

THRESHOLDS = {"credibility": (0.01, 0.05, 0.1, 0.2), "label_disagreement": (0.99, 0.95, 0.9, 0.5)}
"""Of each score, the values at which points are flagged: a credibility at most, a disagreement at least."""

LOW_CREDIBILITY = 0.2
"""What is called low, the largest of the thresholds; the report gives no bound, and this is a lenient one."""

RARE = 0.1
"""Where the largest credibility is low, a share of points below this has more; lenient too."""

SHARE_MARGIN = 0.1
"""A share of recovered points within ten percentage points of the report's is called the same."""

COUNT_MARGIN = 0.2
"""A count within a fifth of the report's is called the same."""

SOURCE = "the report, section 3.1, experiment 2.1"
TABLES = "tables/experiment_2_1{}.csv"
ON_RECOVERY = (
    "Among the misclassified points by DNN, DeepkNN was able to recover the correct labels for 213/364 "
    "non-poisoned points"
)


def gather_points(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Put the points of both readings below each other.

    Parameters
    ----------
    train, test : scores of the splits, with the column `seed`

    Returns
    -------
    The same columns, and `evaluated`, and `misclassified` (bool)
    """
    held_out = pd.concat([test, train[train["is_poison"]]], ignore_index=True)
    points = pd.concat(
        [frame.assign(evaluated=name) for name, frame in zip(EVALUATED, (held_out, train), strict=True)],
        ignore_index=True,
    )
    return points.assign(misclassified=points["dnn_label"] != points["y"])


def select_groups(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Say which points belong to each group of the report, and to their complements."""
    poison, misclassified = points["is_poison"], points["misclassified"]
    return {
        "poison": poison,
        "misclassified": misclassified,
        "misclassified_clean": misclassified & ~poison,
        "rest": ~misclassified & ~poison,
        "clean": ~poison,
    }


def average_over_seeds(by_seed: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Average each figure over the seeds, with Student's t interval.

    Parameters
    ----------
    by_seed : a row for each figure and seed: the keys, `quantity`, `seed`, `value` (NaN where the seed has
        none), `n_points`
    keys : columns that tell figures apart, beside `quantity`

    Returns
    -------
    The keys, `quantity`, `value`, `ci95_low`, `ci95_high`, `interval`, `n_points` (of all seeds that have
    the figure), `n_seeds`
    """
    rows = []
    for names, figure in by_seed.groupby([*keys, "quantity"], sort=False, dropna=False):
        quantity = str(names[-1])
        low, high = next((BOUNDS[end] for end in ("net_points", "points") if quantity.endswith(end)), (0, 1))
        over_seeds = figure_over_seeds(
            figure["value"], low=low, high=high, interval=BETWEEN_SEEDS_OF_ONE_POOL
        )
        n_seeds = over_seeds.pop("n_seeds")
        rows.append(
            dict(zip([*keys, "quantity"], names, strict=True))
            | over_seeds
            | {"n_points": int(figure.loc[figure["value"].notna(), "n_points"].sum()), "n_seeds": n_seeds}
        )
    return pd.DataFrame(rows)


def _rows_of(figures: Mapping[str, float], n_points: int, **keys: object) -> list[dict[str, object]]:
    """Give a row for each figure of one seed."""
    return [
        {**keys, "quantity": quantity, "value": float(value), "n_points": n_points}
        for quantity, value in figures.items()
    ]


def measure_groups(points: pd.DataFrame) -> pd.DataFrame:
    """Measure the credibility and the accuracy of each group, in each seed.

    Accuracies are against the true digit, so the network is right of poison that it does not believe.
    Variances are those of a sample (n - 1). The maxima of groups of different sizes do not compare:
    `compare_matched_samples` does that.

    Parameters
    ----------
    points : as `gather_points` gives them

    Returns
    -------
    A row for each `evaluated`, `group`, `seed` and `quantity`, with `value` and `n_points`; a group without
    points has the value NaN, and 0 points
    """
    rows: list[dict[str, object]] = []
    for (evaluated, seed), of_seed in points.groupby(["evaluated", "seed"], sort=False):
        for group, members in select_groups(of_seed).items():
            chosen = of_seed[members]
            credibility = chosen["credibility"]
            figures = {
                "points": len(chosen),
                "misclassified_share": chosen["misclassified"].mean(),
                "mean_credibility": credibility.mean(),
                "median_credibility": credibility.median(),
                "variance_of_credibility": credibility.var(),
                "maximum_credibility": credibility.max(),
                f"share_above_{LOW_CREDIBILITY}": (credibility > LOW_CREDIBILITY).mean(),
                "dnn_accuracy": (chosen["dnn_label"] == chosen["y_true"]).mean(),
                "dknn_accuracy": (chosen["dknn_label"] == chosen["y_true"]).mean(),
            }
            rows += _rows_of(figures, len(chosen), evaluated=evaluated, group=group, seed=seed)
    return pd.DataFrame(rows)


def tabulate_groups(by_seed: pd.DataFrame, *, as_reported: bool) -> pd.DataFrame:
    """Average what `measure_groups` gives over the seeds; `as_reported` adds the report's counts."""
    table = average_over_seeds(by_seed, ["evaluated", "group"])
    keys, reported = zip(table["group"], table["quantity"], strict=True), REPORTED if as_reported else {}
    return table.assign(reported=[reported.get(key, np.nan) for key in keys])


def measure_recovery(points: pd.DataFrame) -> pd.DataFrame:
    """Count the clean points that DkNN sets right, and those that it spoils, in each seed.

    Parameters
    ----------
    points : as `gather_points` gives them

    Returns
    -------
    A row for each `evaluated`, `seed` and `quantity`, with `value` and `n_points`: of the points that the
    network misclassifies, those that DkNN gives their true digit (`recovered`), of those that it classifies,
    those that DkNN does not (`spoiled`), the recovered less the spoiled (`net_points`), and the two-sided
    p-value of McNemar's exact test of the two counts (`mcnemar_p`; NaN where both are 0)
    """
    clean = points[~points["is_poison"]]
    rows: list[dict[str, object]] = []
    for (evaluated, seed), of_seed in clean.groupby(["evaluated", "seed"], sort=False):
        wrong = of_seed["misclassified"]
        right_by_neighbours = of_seed["dknn_label"] == of_seed["y_true"]
        recovered, spoiled = (
            int((wrong & right_by_neighbours).sum()),
            int((~wrong & ~right_by_neighbours).sum()),
        )
        n, n_wrong = len(of_seed), int(wrong.sum())
        keys = {"evaluated": evaluated, "seed": seed}
        rows += _rows_of({"misclassified_points": n_wrong}, n, **keys)
        rows += _rows_of(
            {"recovered_points": recovered, "recovered_share": _share(recovered, n_wrong)}, n_wrong, **keys
        )
        rows += _rows_of(
            {"spoiled_points": spoiled, "spoiled_share": _share(spoiled, n - n_wrong)}, n - n_wrong, **keys
        )
        rows += _rows_of(
            {"net_points": recovered - spoiled, "mcnemar_p": _test_discordant(recovered, spoiled)}, n, **keys
        )
    return pd.DataFrame(rows)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else np.nan


def _test_discordant(recovered: int, spoiled: int) -> float:
    # Concordant points do not enter McNemar's test.
    table = [[0, spoiled], [recovered, 0]]
    return float(mcnemar(table, exact=True).pvalue) if recovered + spoiled else np.nan


def tabulate_recovery(by_seed: pd.DataFrame, *, as_reported: bool) -> pd.DataFrame:
    """Average what `measure_recovery` gives over the seeds, and give each seed below.

    The row of all seeds of `mcnemar_p` is the exact test of the counts summed over the seeds: McNemar's test
    stratified by seed, which two seeds of opposite sign do not pass, as they could where their two-sided
    p-values were combined. Its unit is a point in a seed. Seeds share images, and an image that is hard in
    one is hard in the others, so it says less of other images than its p-value does: the interval of
    `net_points`, over seeds, is the one to trust.

    Parameters
    ----------
    by_seed : as `measure_recovery` gives it
    as_reported : whether the experiment is the report's, so that its figures stand in `reported`

    Returns
    -------
    `evaluated`, `seed` (`all`, or one), `quantity`, `value`, `ci95_low`, `ci95_high`, `interval` (none for a
    test or one seed), `n_points`, `n_seeds`, `reported`
    """
    means = average_over_seeds(by_seed, ["evaluated"]).assign(seed="all")
    is_test = means["quantity"] == "mcnemar_p"
    counts = means.assign(total=means["value"] * means["n_seeds"]).set_index(["evaluated", "quantity"])[
        "total"
    ]
    combined = [
        _test_discordant(
            round(counts[evaluated, "recovered_points"]), round(counts[evaluated, "spoiled_points"])
        )
        for evaluated in means.loc[is_test, "evaluated"]
    ]
    means.loc[is_test, ["ci95_low", "ci95_high", "interval"]] = np.nan
    means.loc[is_test, "value"] = combined
    table = pd.concat([means, by_seed.assign(n_seeds=1)], ignore_index=True)
    columns = ["evaluated", "seed", "quantity", "value", "ci95_low", "ci95_high", "interval"]
    compares = (table["seed"] == "all") & as_reported
    reported = table["quantity"].map(REPORTED_RECOVERY).where(compares)
    return table[[*columns, "n_points", "n_seeds"]].assign(reported=reported)


def tabulate_accuracy(points: pd.DataFrame) -> pd.DataFrame:
    """Tabulate how often DkNN gives a misclassified point its true digit, by its credibility.

    Points of all seeds are taken together and the interval is Wilson's over them, for a bin holds too few of
    one seed. An image that several seeds misclassify counts in each of them, so the interval is too narrow
    for other images.

    Parameters
    ----------
    points : as `gather_points` gives them

    Returns
    -------
    A row for each `evaluated`, `group` (`misclassified`, `misclassified_clean`) and bin of credibility, from
    `credibility_low` to below `credibility_high` (1 included in the last): `quantity` (`dknn_accuracy`),
    `value`, `ci95_low`, `ci95_high`, `interval`, `n_points`, `n_seeds` (in which the bin holds a point)
    """
    rows = []
    for evaluated in EVALUATED:
        of_reading = points[points["evaluated"] == evaluated]
        groups = select_groups(of_reading)
        for group in ("misclassified", "misclassified_clean"):
            members = of_reading[groups[group]]
            bins = np.digitize(members["credibility"], CREDIBILITY_BINS[1:-1])
            right = members["dknn_label"] == members["y_true"]
            for number, (low, high) in enumerate(pairwise(CREDIBILITY_BINS)):
                n, n_right = int((bins == number).sum()), int(right[bins == number].sum())
                ci_low, ci_high = interval_of_share(n_right, n)
                rows.append(
                    {
                        "evaluated": evaluated,
                        "group": group,
                        "credibility_low": low,
                        "credibility_high": high,
                        "quantity": "dknn_accuracy",
                        "value": _share(n_right, n),
                        "ci95_low": ci_low,
                        "ci95_high": ci_high,
                        "interval": BETWEEN_POINTS,
                        "n_points": n,
                        "n_seeds": members["seed"][bins == number].nunique(),
                    }
                )
    return pd.DataFrame(rows)


def select_controls(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Say which clean points the poison points are compared with.

    `same_digits` are clean points of the digits that the poison shows or is labelled as. The misclassified
    are the fair control: the network reads most poison otherwise than it was labelled, and points on which
    label and network differ may be of low credibility with no poison about.
    """
    groups = select_groups(points)
    poison = points.loc[groups["poison"], ["y", "y_true"]]
    return {
        "clean": groups["clean"],
        "same_digits": groups["clean"] & points["y_true"].isin(np.unique(poison)),
        "misclassified_clean": groups["misclassified_clean"],
    }


STATISTICS: dict[str, Callable[..., Any]] = {
    "variance": lambda sample, axis: np.var(sample, axis=axis, ddof=1),
    "maximum": np.max,
}


def draw_matched(
    control: ArrayLike, size: int, *, seed: int, resamples: int = RESAMPLES
) -> dict[str, NDArray[np.float64]]:
    """Give the variance and the maximum of random samples of the control, drawn with replacement.

    Parameters
    ----------
    control : credibility, any number of points
    size : of a sample
    seed : of the draw

    Returns
    -------
    Of each statistic float64 [resamples]; none without two points in the control and in a sample
    """
    values = np.asarray(control, dtype=np.float64)
    if min(len(values), size) < 2:
        return dict.fromkeys(STATISTICS, np.empty(0))
    samples = np.random.default_rng(seed).choice(values, (resamples, size))
    return {name: statistic(samples, axis=1) for name, statistic in STATISTICS.items()}


def permute(
    poison: ArrayLike, control: ArrayLike, *, seed: int, resamples: int = RESAMPLES
) -> dict[str, tuple[float, float]]:
    """Test whether credibility varies less, and reaches less high, among poison than in a control.

    Which points are poison is permuted. The maxima are those of the values as they are. The variances are
    those of the values about the mean of their own group, and what is compared is the difference between the
    groups: were the values not centred, poison of another mean than the control would vary less than any
    mixture of the two, however much it varies. All permutations are made where there are no more than
    `resamples`.

    Parameters
    ----------
    poison, control : credibility, any numbers of points
    seed : of the random permutations

    Returns
    -------
    Of each statistic p whose alternative is that it is lower among poison, and p whose alternative is that it
    is higher; NaN with fewer than two points on either side
    """
    samples = [np.asarray(values, dtype=np.float64) for values in (poison, control)]
    if min(map(len, samples)) < 2:
        return dict.fromkeys(STATISTICS, (np.nan, np.nan))
    plain, centred = np.concatenate(samples), np.concatenate([values - values.mean() for values in samples])

    def both_ways(sample: NDArray[Any], rest: NDArray[Any], axis: int) -> NDArray[np.float64]:
        # Rows are permuted, and a high value is a low one of the opposite sign: one round of permutations,
        # which are what takes the time, answers for both statistics and both alternatives.
        chosen, others = sample.astype(np.intp), rest.astype(np.intp)
        spread = STATISTICS["variance"]
        # Rounded, so that samples of the same values in another order count as equal.
        variance = (spread(centred[chosen], axis) - spread(centred[others], axis)).round(12)
        values = [variance, STATISTICS["maximum"](plain[chosen], axis)]
        return np.stack([*values, *np.negative(values)], axis=-1)

    result = stats.permutation_test(
        np.split(np.arange(len(plain)), [len(samples[0])]),
        both_ways,
        permutation_type="independent",
        vectorized=True,
        n_resamples=resamples,
        batch=PERMUTATION_BATCH,
        alternative="less",
        rng=seed,
    )
    both = zip(STATISTICS, *np.split(result.pvalue, 2), strict=True)
    return {name: (float(lower), float(higher)) for name, lower, higher in both}


def compare_matched_samples(
    points: pd.DataFrame, *, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the poison points' credibility with that of random samples of as many points, in each seed.

    Points are the held-out images and the poison points. The samples are of clean points alone
    (`draw_matched`); the p-values are those of `permute`, whose unit is a point within a seed. The seed's
    number is also that of the random draws.

    Returns
    -------
    by_seed : `control`, `statistic`, `seed`, `value` (of the poison points), `matched_mean`,
        `matched_q025`, `matched_q975` (mean, and 2.5 % and 97.5 % quantiles, of the random samples),
        `p_low`, `p_high`, `n_points` (poison), `n_control`
    samples : `control`, `statistic`, `seed`, `value`, a row for each random sample
    """
    held_out = points[points["evaluated"] == "held_out"]
    rows, samples = [], []
    for seed, of_seed in held_out.groupby("seed", sort=False):
        poison = of_seed.loc[of_seed["is_poison"], "credibility"]
        for control, members in select_controls(of_seed).items():
            clean, number = of_seed.loc[members, "credibility"], int(str(seed))
            p_values = permute(poison, clean, seed=number, resamples=resamples)
            drawn = draw_matched(clean, len(poison), seed=number, resamples=resamples)
            for statistic, (p_low, p_high) in p_values.items():
                matched = drawn[statistic]
                value = STATISTICS[statistic](poison.to_numpy(), axis=0) if len(matched) else np.nan
                keys = {"control": control, "statistic": statistic, "seed": seed}
                low, high = np.quantile(matched, [0.025, 0.975]) if len(matched) else (np.nan, np.nan)
                rows.append(
                    keys
                    | {
                        "value": value,
                        "matched_mean": matched.mean() if len(matched) else np.nan,
                        "matched_q025": low,
                        "matched_q975": high,
                        "p_low": p_low,
                        "p_high": p_high,
                        "n_points": len(poison),
                        "n_control": int(members.sum()),
                    }
                )
                samples.append(pd.DataFrame({**keys, "value": matched}))
    return pd.DataFrame(rows), pd.concat(samples, ignore_index=True)


def tabulate_matched(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Combine what `compare_matched_samples` gives over the seeds, and give each seed below.

    The p-value of all seeds is the greatest of theirs: that poison differs is to show in every one. Poison is
    new in each seed, of the clean points many are the same.

    Returns
    -------
    `control`, `statistic`, `seed` (`all`, or one), `value`, `ci95_low`, `ci95_high` (Student's t over the
    seeds; none for one seed), `matched_mean`, `matched_q025`, `matched_q975` (their means where the
    row is of all seeds), `p_low`, `p_high`, `n_points`, `n_control`, `n_seeds`
    """
    rows = []
    for (control, statistic), of_seeds in by_seed.groupby(["control", "statistic"], sort=False):
        rows.append(
            {"control": control, "statistic": statistic, "seed": "all"}
            | figure_over_seeds(of_seeds["value"], low=0, high=1)
            | of_seeds[["matched_mean", "matched_q025", "matched_q975"]].mean().to_dict()
            | {name: greatest_over_seeds(of_seeds[name]) for name in ("p_low", "p_high")}
            | of_seeds[["n_points", "n_control"]].sum().to_dict()
        )
    table = pd.concat([pd.DataFrame(rows), by_seed.assign(n_seeds=1)], ignore_index=True)
    first = ["control", "statistic", "seed", "value", "ci95_low", "ci95_high"]
    return table[[*first, *by_seed.columns[4:], "n_seeds"]]


def score_labels(points: pd.DataFrame, layers: Sequence[str], k: int) -> dict[str, NDArray[np.float64]]:
    """Score points by two signs of poison, each float64 [n] in [0, 1], higher where it is more suspected.

    `credibility` (1 - it): how unusual the labels of a point's neighbours are, whichever label they agree on.
    It does not look at the label that the point was given: poison whose neighbours all bear its true digit is
    fully credible. `label_disagreement`: the share of neighbours, over all layers, that were given another
    label than the point, that is, the nonconformity of the given label; a false label should have much.

    Parameters
    ----------
    k : neighbours of a point in a layer
    """
    neighbours = k * len(layers)
    agreeing = points[[f"same_label_neighbours_{layer}" for layer in layers]].sum(axis=1).to_numpy()
    return {
        "credibility": 1 - points["credibility"].to_numpy(dtype=np.float64),
        "label_disagreement": (neighbours - agreeing) / neighbours,
    }


def select_suspects(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Say among which points poison is sought: all, and those that the network misclassifies."""
    return {"all": pd.Series(True, index=points.index), "misclassified": points["misclassified"]}


def measure_detectors(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Measure how well a threshold on a score tells poison from clean points, in each seed.

    All training rows are the case of a user with a training set of doubtful origin; the misclassified are
    what the report looked at. Of the two scores, DkNN's credibility does not look at the label that a point
    was given, and the other one does: see `score_labels`.

    Parameters
    ----------
    points : as `gather_points` gives them
    layers, k : see `score_labels`

    Returns
    -------
    A row for each `evaluated`, `among`, `score`, `threshold` (NaN where the figure has none; a credibility at
    most that, or a disagreement at least that, is flagged), `seed` and `quantity`: `auroc`,
    `average_precision`, `base_rate` (share of poison: what a random score has for average precision),
    `fpr_at_95_tpr`, and at a threshold `poison_flagged_share`, `clean_flagged_share`,
    `clean_flagged_points` and `precision` (NaN where none is flagged). Without poison, or without clean
    points, a figure is NaN.
    """
    rows: list[dict[str, object]] = []
    for (evaluated, seed), of_seed in points.groupby(["evaluated", "seed"], sort=False):
        for among, members in select_suspects(of_seed).items():
            suspects = of_seed[members]
            poison = suspects["is_poison"].to_numpy()
            for score, suspicion in score_labels(suspects, layers, k).items():
                keys = {"evaluated": evaluated, "among": among, "score": score, "seed": seed}
                rows += _rows_of(_rate(suspicion, poison), len(suspects), threshold=np.nan, **keys)
                for threshold in THRESHOLDS[score]:
                    # The credibility itself, since 1 - it is no longer exactly at the threshold.
                    flagged = (
                        suspects["credibility"].to_numpy() <= threshold
                        if score == "credibility"
                        else suspicion >= threshold
                    )
                    figures = _count_flagged(flagged, poison)
                    rows += _rows_of(figures, len(suspects), threshold=threshold, **keys)
    return pd.DataFrame(rows)


def _rate(suspicion: NDArray[np.float64], poison: NDArray[np.bool_]) -> dict[str, float]:
    """Rate a score over all thresholds."""
    if poison.all() or not poison.any():
        return dict.fromkeys(("auroc", "average_precision", "base_rate", "fpr_at_95_tpr"), np.nan)
    false_positive_rate, true_positive_rate, _ = roc_curve(poison, suspicion)
    return {
        "auroc": roc_auc_score(poison, suspicion),
        "average_precision": average_precision_score(poison, suspicion),
        "base_rate": poison.mean(),
        "fpr_at_95_tpr": false_positive_rate[true_positive_rate >= 0.95].min(),
    }


def _count_flagged(flagged: NDArray[np.bool_], poison: NDArray[np.bool_]) -> dict[str, float]:
    """Count the poison that a threshold flags, and the clean points that it costs."""
    caught, wasted = int((flagged & poison).sum()), int((flagged & ~poison).sum())
    n_poison = int(poison.sum())
    return {
        "poison_flagged_share": _share(caught, n_poison),
        "clean_flagged_share": _share(wasted, len(poison) - n_poison),
        "clean_flagged_points": wasted,
        "precision": _share(caught, caught + wasted),
    }


def _by_seed(figures: pd.DataFrame, **keys: str) -> pd.DataFrame:
    """Take the rows, one for each seed, of the figure that the keys name."""
    chosen = np.logical_and.reduce([figures[name] == value for name, value in keys.items()])
    return figures[chosen]


def weigh_claims(
    groups: pd.DataFrame,
    recovery: pd.DataFrame,
    matched: pd.DataFrame,
    detectors: pd.DataFrame,
    *,
    as_reported: bool,
) -> list[Claim]:
    """Put what the report says of experiment 2.1 to the test.

    Parameters
    ----------
    groups, recovery, matched, detectors : figures by seed, as `measure_groups`, `measure_recovery`,
        `compare_matched_samples` (its first) and `measure_detectors` give them
    as_reported : whether the experiment is the report's; if not, nothing is compared with its figures
    """
    return [
        *_weigh_spread(matched, groups, as_reported=as_reported),
        *(_weigh_threshold(detectors, among) for among in ("all", "misclassified")),
        *([_weigh_share(recovery)] if as_reported else []),
        _weigh_net(recovery),
        *([_weigh_number(groups)] if as_reported else []),
    ]


def _weigh_spread(matched: pd.DataFrame, groups: pd.DataFrame, *, as_reported: bool) -> list[Claim]:
    """Weigh that the poison points' credibility varies little and is nowhere high, in every seed.

    The permutation test of the maximum is not used: where clean points reach the highest credibility that
    there is, and so the samples do, it cannot speak against a low one. The points above a bound are counted.
    """
    words = (
        "the credibility score assigned to the poisoned points have very low variance "
        "and have very low overall max credibility score"
    )
    variances = {
        control: _by_seed(matched, control=control, statistic="variance")
        for control in ("clean", "misclassified_clean")
    }
    variance = variances["misclassified_clean"]
    of_poison = _by_seed(groups, evaluated="held_out", group="poison")
    maximum = _by_seed(of_poison, quantity="maximum_credibility")["value"].to_numpy()
    above = _by_seed(of_poison, quantity=f"share_above_{LOW_CREDIBILITY}").dropna(subset="value")
    n_above = (above["value"] * above["n_points"]).round().astype(int)
    few, many = (
        [share_differs(*count, RARE, side) for count in zip(n_above, above["n_points"], strict=True)]
        for side in ("less", "greater")
    )
    n_points = int(variance["n_points"].sum())
    against = np.array([*variance["p_high"].dropna(), *many])
    both = (variance["p_low"].to_numpy() < SIGNIFICANCE_LEVEL) & (maximum < LOW_CREDIBILITY)
    n_both, n_seeds = int(both.sum()), int(variance["value"].notna().sum())
    ci_low, ci_high = interval_of_share(n_both, n_seeds)
    return [
        *(
            Claim(
                claim=f"variance_of_poison_below_{control}",
                source=SOURCE,
                words=words,
                reported="",
                quantity="variance of the poison points' credibility, over the mean variance of random "
                f"samples of as many {label} held-out images",
                **figure_over_seeds(variances[control]["value"] / variances[control]["matched_mean"], low=0),
                n_points=n_points,
                test="permutation test of the values about the mean of their group, within each seed "
                "(unit: a point), the greatest p of the seeds",
                bound=1.0,
                p_for=greatest_over_seeds(variances[control]["p_low"]),
                p_against=greatest_over_seeds(variances[control]["p_high"]),
                where=TABLES.format("_matched"),
            )
            for control, label in {"clean": "clean", "misclassified_clean": "misclassified clean"}.items()
        ),
        Claim(
            claim="hardly_a_poison_point_is_credible",
            source=SOURCE,
            words=words,
            reported="",
            quantity=f"share of the poison points with a credibility above {LOW_CREDIBILITY}, of which a low "
            "maximum leaves none",
            **figure_over_seeds(above["value"], low=0, high=1),
            n_points=n_points,
            test=f"binomial test (unit: a point) that fewer than {100 * RARE:g} % of the poison points of "
            f"all seeds are above {LOW_CREDIBILITY}",
            bound=RARE,
            p_for=share_differs(int(n_above.sum()), int(above["n_points"].sum()), RARE, "less"),
            p_against=share_differs(int(n_above.sum()), int(above["n_points"].sum()), RARE, "greater"),
            where=TABLES.format(""),
        ),
        Claim(
            claim="low_in_every_new_set_of_poison",
            source=SOURCE,
            words="We repeated the experiment with a new set of poisoning data and we observed the same "
            "behaviour of very low variance in credibility score and max value",
            reported="in 2 of 2 sets" if as_reported else "",
            quantity="share of seeds, each with new poison, in which the variance is below that of "
            f"misclassified clean images too (permutation test, p < {SIGNIFICANCE_LEVEL}) and the maximum "
            f"below {LOW_CREDIBILITY}",
            value=_share(n_both, n_seeds),
            ci95_low=ci_low,
            ci95_high=ci_high,
            interval="Wilson over seeds",
            n_points=n_points,
            n_seeds=n_seeds,
            test="the tests of both in each seed; for: the greatest p, which 50 points of a seed cannot "
            "bring below 0.005, too much to hold among so many claims; against: the least, times their "
            "number (Bonferroni), as one seed refutes it",
            bound=1.0,
            p_for=greatest_over_seeds([*variance["p_low"], *few]),
            p_against=float(np.minimum(1, len(against) * np.nanmin(against))) if len(against) else np.nan,
            where=TABLES.format("_matched"),
        ),
    ]


def _weigh_threshold(detectors: pd.DataFrame, among: str) -> Claim:
    """Weigh that a threshold on credibility finds poison among the training rows."""
    of_seeds = _by_seed(
        detectors, evaluated="training", among=among, score="credibility", quantity="auroc"
    ).dropna(subset="value")
    p_for, p_against = mean_above(of_seeds["value"], 0.5)
    rows = {"all": "all training rows", "misclassified": "the misclassified training rows"}[among]
    return Claim(
        claim=f"threshold_finds_poison_among_{among}",
        source=SOURCE,
        words="poisoned points are always assigned very low credibility scores and we may narrow down the "
        "list suspected points by setting a threshold for credibility score",
        reported="",
        quantity=f"AUROC of a low credibility as a sign of poison among {rows}",
        **figure_over_seeds(of_seeds["value"], low=0, high=1),
        n_points=int(of_seeds["n_points"].sum()),
        test="t-test over seeds that it is above 0.5",
        p_for=p_for,
        p_against=p_against,
        where=TABLES.format("_detector"),
    )


def _weigh_share(recovery: pd.DataFrame) -> Claim:
    """Weigh that DkNN sets as many misclassified clean points right as reported.

    They are training rows, since the report's count of misclassified points is nearer to theirs.
    """
    share = _by_seed(recovery, evaluated="training", quantity="recovered_share").dropna(subset="value")
    reported = REPORTED_RECOVERY["recovered_share"]
    equal, different = mean_equals(share["value"], reported, SHARE_MARGIN)
    return Claim(
        claim="recovered_share",
        source=SOURCE,
        words=ON_RECOVERY,
        reported=f"213 of 364 = {100 * reported:.1f} %",
        quantity="share of the clean misclassified training rows that DkNN gives their true digit",
        **figure_over_seeds(share["value"], low=0, high=1),
        interval=BETWEEN_SEEDS_OF_ONE_POOL,
        n_points=int(share["n_points"].sum()),
        test=f"two one-sided t-tests over seeds, margin {100 * SHARE_MARGIN:g} percentage points",
        p_for=equal,
        p_against=different,
        where=TABLES.format("_recovered"),
    )


def _weigh_net(recovery: pd.DataFrame) -> Claim:
    """Weigh that DkNN sets more clean held-out images right than it spoils.

    The network has learned the training rows, and none of them is its own neighbour, so there the two do not
    compete on even terms.
    """
    net = _by_seed(recovery, evaluated="held_out", quantity="net_points")
    more, fewer = mean_above(net["value"], 0)
    return Claim(
        claim="recovers_more_than_it_spoils",
        source=SOURCE,
        words=ON_RECOVERY,
        reported="",
        quantity="clean held-out images that DkNN sets right, less those that it spoils, in a seed",
        **figure_over_seeds(net["value"]),
        interval=BETWEEN_SEEDS_OF_ONE_POOL,
        n_points=int(net["n_points"].sum()),
        test="t-test over seeds that it is above 0",
        p_for=more,
        p_against=fewer,
        where=TABLES.format("_recovered"),
    )


def _weigh_number(groups: pd.DataFrame) -> Claim:
    """Weigh the number of misclassified points, in whichever reading it may be true."""
    reported = REPORTED["misclassified", "points"]
    margin = COUNT_MARGIN * reported
    misclassified = _by_seed(groups, group="misclassified", quantity="points")
    numbers = {evaluated: _by_seed(misclassified, evaluated=evaluated) for evaluated in EVALUATED}
    p_values = np.array([mean_equals(of_seeds["value"], reported, margin) for of_seeds in numbers.values()])
    return Claim(
        claim="number_of_misclassified",
        source=SOURCE,
        words="We had 414 misclassified points which included the poisoned data",
        reported=f"{reported} points",
        quantity="misclassified training rows, poison included, in a seed",
        **figure_over_seeds(numbers["training"]["value"], low=0),
        interval=BETWEEN_SEEDS_OF_ONE_POOL,
        n_points=int(numbers["training"]["n_points"].sum()),
        test=f"two one-sided t-tests over seeds, margin {margin:g} points (a fifth), of the training rows "
        "and of the held-out images with the poison; for: the smaller p, twice; against: the larger",
        p_for=float(np.clip(2 * p_values[:, 0].min(), 0, 1)),
        p_against=float(p_values[:, 1].max()),
        where=TABLES.format(""),
    )
