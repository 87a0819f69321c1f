"""Section 4 of the report: what it leaves to further experiments, answered from the poison bench.

It asks for larger sets of poison with several labels, their influence, and what removing the suspects does;
whether poison always has a credibility of low variance and low maximum; and why poison among the neighbours
grows towards the final layer. The first and the last are asked of secml's poison, which is the report's; the
tables hold every other poison beside it.

A point is a training row, poison or clean, and none is its own neighbour. It is misclassified where the
network gives it another label than it was given, and a poison point is memorised where the network gives it
the label that it was given. The experiments of a seed share its images, so a claim of several experiments is
tested on their mean in each seed: seeds are the replicates.

Of all functions: `points` are as `gather_points` returns them, `described`, `measured` or `credibility`,
`changes`, `depth` and `removal` as `describe_poison`, `measure_credibility`, `measure_changes`,
`measure_depth` and `measure_removal` do; `secml` are the poisons that secml makes, `layers` those that are
searched, from input to output, and `k` the neighbours of a point in a layer.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.errors import InputError
from layeraudit.experiments import PERFECT, RANDOM, UNFILTERED
from layeraudit.report.groups import (
    LOW_CREDIBILITY,
    RARE,
    compare_layers,
    fit_slope,
    list_figures,
    select_controls,
    select_groups,
)
from layeraudit.statistics import (
    Claim,
    average_over_seeds,
    claim_over_seeds,
    figure_over_seeds,
    greatest_over_seeds,
    least_corrected,
    mean_above,
    mean_equals,
    permute,
    share_above,
)

EXPERIMENT = ["setting", "poison"]
RUN = [*EXPERIMENT, "seed"]

SCORES = ["y", "y_true", "is_poison", "dnn_label", "credibility"]
"""The columns of scores that are used, beside those of each layer."""

NEIGHBOURS = {"percent_poison": "poison_neighbours", "percent_same_label": "same_label_neighbours"}
"""Quantity, and the count of neighbours that it is of."""

CONTROLS = {
    "clean": "clean",
    "misclassified_clean": "misclassified_clean",
    "same_digits": "clean_of_its_labels",
}
"""Clean points that poison is compared with: in `select_controls`, and in the table."""

CHANGING = ("mean", "variance", "maximum")
"""Quantities of credibility whose change with the number of points, and of labels, is tabulated."""

BY_CREDIBILITY = "dknn_paper"
"""The report's own proposal: the training rows of the lowest credibility are removed."""

BY_LABELS = "label_disagreement_relu3"
"""Our answer: the rows are removed most of whose neighbours in a late layer were given another label."""

FILTERS = (UNFILTERED, RANDOM, BY_CREDIBILITY, BY_LABELS, PERFECT)

REMOVAL = ["accuracy", "attack_success", "poison_removed", "clean_removed"]

ACCURACY_MARGIN = 0.01
"""An accuracy within a percentage point of the perfect filter's is called near to it."""

RESAMPLES = 39_999
"""Permutations: a p-value can then be small enough to outlast the correction for all claims."""

GROUPS = ("poison", "memorised", "not_memorised", "clean", "misclassified", "misclassified_clean")

NO_BOUNDS = (-np.inf, np.inf)
BOUNDS = {"change_*": NO_BOUNDS, "slope_*": NO_BOUNDS, "variance*": (0.0, np.inf), "percent_*": (0.0, 100.0)}
"""The least and greatest value of quantities; of all others 0 and 1."""

SOURCE = "the report, section 4"
LARGER_SETS = (
    "Experiment with larger poisoned data-set with multiple labels and observe the influence of poisoned "
    "points in mis-classification."
)
REMOVE = "From this result we may remove the suspected training points and re-train."
ALWAYS_LOW = (
    "Experiment to validate if poisoned data points always have low variance in their credibility scores low "
    "maximum values as was observed."
)
GROWS = (
    "As observed, why does the influence of poisoned training points in influencing the DNN decision grows "
    "as we move towards the final layer."
)
CREDIBILITY_TABLE = "tables/section_4_credibility.csv"
DEPTH_TABLE = "tables/section_4_depth.csv"
REMOVAL_TABLE = "tables/section_4_removal.csv"


def gather_points(
    scores: pd.DataFrame,
    *,
    settings: Sequence[str],
    poisons: Sequence[str],
    seeds: Sequence[int],
    layers: Sequence[str],
) -> pd.DataFrame:
    """Name the run of each training row of many runs, and find those that are misclassified.

    Parameters
    ----------
    scores : of the training rows, with the column `seed`: the place of the run, 0, 1, ...
    settings, poisons, seeds : of each run, in the order of the runs

    Returns
    -------
    `setting`, `poison`, `seed`, `misclassified` (bool), and those columns of `scores` that are used

    Raises
    ------
    InputError
        Where the runs and what is said of them differ in number, a run is given twice, scores lack a column,
        or a run has no poison.
    """
    n_runs = scores["seed"].nunique()
    numbers = {"settings": len(settings), "poisons": len(poisons), "seeds": len(seeds)}
    for name, number in numbers.items():
        if number != n_runs:
            raise InputError(
                f"{name} holds {number} values, allowed are {n_runs}: one for each file of scores"
            )
    runs = pd.DataFrame({"setting": settings, "poison": poisons, "seed": seeds})
    if runs.duplicated().any():
        twice = runs[runs.duplicated()].iloc[0]
        raise InputError(
            f"seed {twice['seed']} of {twice['setting']}, {twice['poison']} is given twice, allowed is once"
        )
    columns = [*SCORES, *(f"{count}_{layer}" for count in NEIGHBOURS.values() for layer in layers)]
    for run, (_, of_run) in zip(runs.to_dict("records"), scores.groupby("seed"), strict=True):
        named = f"the scores of seed {run['seed']} of {run['setting']}, {run['poison']}"
        lacking = [name for name in columns if name not in of_run or of_run[name].isna().any()]
        if lacking:
            raise InputError(f"{named} lack {lacking[0]}, which every row must have")
        if not of_run["is_poison"].any():
            raise InputError(f"{named} hold no poison, allowed are runs with a poison point at least")
    of_rows = runs.iloc[scores["seed"].to_numpy()].reset_index(drop=True)
    points = scores[columns].reset_index(drop=True).astype({"is_poison": bool})
    misclassified = points["dnn_label"] != points["y"]
    return pd.concat([of_rows, points], axis=1).assign(misclassified=misclassified)


def describe_poison(points: pd.DataFrame) -> pd.DataFrame:
    """Count the poison of each experiment, by its rows.

    Returns
    -------
    A row for each `setting` and `poison`: `points` (in a training set; mean over seeds), `labels` (that the
    poison was given; the most in a seed), `rate` (share of the training set; mean over seeds)
    """
    by_seed = (
        points.groupby(RUN, sort=False)["is_poison"].agg(["sum", "mean"]).groupby(EXPERIMENT, sort=False)
    )
    poison = points[points["is_poison"]].groupby(RUN, sort=False)["y"].nunique()
    described = by_seed.mean().rename(columns={"sum": "points", "mean": "rate"})
    described.insert(1, "labels", poison.groupby(EXPERIMENT, sort=False).max())
    return described.reset_index()


def measure_credibility(points: pd.DataFrame) -> pd.DataFrame:
    """Measure the credibility of poison in each run, and how much it varies beside that of clean points.

    Variances are those of a sample (n - 1). The clean points of its labels are those whose true label poison
    has or was given. The misclassified are the fair comparison: credibility does not look at the label that a
    point was given, and the network reads most of this poison otherwise than that label.

    Returns
    -------
    A row for each `setting`, `poison`, `seed` and `quantity`, with `value` and `n_points` (poison):
    `mean`, `decile_1`, `decile_9`, `variance`, `maximum`, `share_above_0.2`, and for each control the first
    four as `mean_of_{control}` and so on, and `variance_over_{control}`, the ratio of poison's variance to
    that of the control. Without two points there is no variance, and without a variance above 0 to divide by
    no ratio: the value is then NaN.
    """
    rows: list[dict[str, object]] = []
    for run, of_run in points.groupby(RUN, sort=False):
        credibility = of_run.loc[of_run["is_poison"], "credibility"]
        figures = _describe(credibility) | {
            "maximum": credibility.max(),
            f"share_above_{LOW_CREDIBILITY}": (credibility > LOW_CREDIBILITY).mean(),
        }
        controls = select_controls(of_run)
        for control, name in CONTROLS.items():
            of_control = _describe(of_run.loc[controls[control], "credibility"])
            figures |= {f"{quantity}_of_{name}": value for quantity, value in of_control.items()}
            variance = of_control["variance"]
            figures[f"variance_over_{name}"] = figures["variance"] / variance if variance > 0 else np.nan
        rows += list_figures(figures, len(credibility), **dict(zip(RUN, run, strict=True)))
    return pd.DataFrame(rows)


def _describe(credibility: pd.Series) -> dict[str, float]:
    """Return mean, first and ninth decile, and variance; each is NaN where it is of too few points."""
    first, ninth = credibility.quantile([0.1, 0.9])
    mean, variance = credibility.mean(), credibility.var()
    return {"mean": mean, "decile_1": first, "decile_9": ninth, "variance": variance}


def pair_experiments(described: pd.DataFrame, secml: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    """Find the experiments of secml's poison that differ in the number of points alone, or of labels alone.

    Of several numbers each is compared with the next.

    Yields
    ------
    what there is more of (`points` or `labels`), setting, the poison that has more, the one that has fewer
    """
    of_secml = described[described["poison"].isin(list(secml))]
    for more_of, same in (("points", "labels"), ("labels", "points")):
        for (setting, _), alike in of_secml.groupby(["setting", same], sort=False):
            ordered = alike.drop_duplicates(more_of).sort_values(more_of)["poison"]
            for fewer, more in pairwise(ordered):
                yield more_of, str(setting), more, fewer


def measure_changes(measured: pd.DataFrame, described: pd.DataFrame, secml: Collection[str]) -> pd.DataFrame:
    """Subtract the credibility of smaller sets of secml's poison from that of larger ones, seed by seed.

    The experiments of a setting draw the same images in a seed, so they are paired by it; a seed that one of
    them lacks does not count.

    Returns
    -------
    A row for each pair of experiments, `seed` and `quantity`, `change_{quantity}_with_points` or
    `..._with_labels`: `setting`, `poison` (the larger set), `compared_with` (the smaller set), `seed`,
    `quantity`, `value`, `n_points` (poison, of both)
    """
    frames = []
    for more_of, setting, more, fewer in pair_experiments(described, secml):
        of_setting = measured[(measured["setting"] == setting) & measured["quantity"].isin(CHANGING)]
        larger, smaller = (of_setting[of_setting["poison"] == poison] for poison in (more, fewer))
        both = larger.merge(smaller, on=["seed", "quantity"], suffixes=("", "_of_fewer"))
        frames.append(
            both.assign(
                poison=more,
                compared_with=fewer,
                quantity="change_" + both["quantity"] + f"_with_{more_of}",
                value=both["value"] - both["value_of_fewer"],
                n_points=both["n_points"] + both["n_points_of_fewer"],
            )
        )
    columns = [*EXPERIMENT, "compared_with", "seed", "quantity", "value", "n_points"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def measure_depth(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Measure whose neighbours are poison, and which label they were given, layer by layer in each run.

    Returns
    -------
    A row for each `setting`, `poison`, `seed`, `group`, `layer` and `quantity`, with `value` and `n_points`.
    Groups are `poison`, of it `memorised` and `not_memorised`, `clean`, `misclassified` (poison included) and
    `misclassified_clean`. Quantities are `percent_poison` and `percent_same_label` (of the neighbours, poison
    and given the label that the point was given), `slope_of_` each (a line over the layers, percentage points
    a layer; without a layer), `percent_memorised` of the group poison, and `percent_base_rate` of the group
    `all`, the poison among the training rows. A group without points has the value NaN.
    """
    rows: list[dict[str, object]] = []
    for names, of_run in points.groupby(RUN, sort=False):
        run, groups = dict(zip(RUN, names, strict=True)), select_groups(of_run)
        poison, memorised = groups["poison"], groups["memorised"]
        base_rate, percent_memorised = 100 * poison.mean(), 100 * memorised[poison].mean()
        rows += list_figures({"percent_base_rate": base_rate}, len(of_run), **run, group="all", layer="")
        n_poison = int(poison.sum())
        rows += list_figures(
            {"percent_memorised": percent_memorised}, n_poison, **run, group="poison", layer=""
        )
        for group in GROUPS:
            members, n_points = of_run[groups[group]], int(groups[group].sum())
            for quantity, count in NEIGHBOURS.items():
                shares = [100 / k * members[f"{count}_{layer}"].mean() for layer in layers]
                for layer, share in zip(layers, shares, strict=True):
                    rows += list_figures({quantity: share}, n_points, **run, group=group, layer=layer)
                slope = {f"slope_of_{quantity}": fit_slope(shares)}
                rows += list_figures(slope, n_points, **run, group=group, layer="")
    return pd.DataFrame(rows)


def measure_removal(
    trained: Iterable[pd.DataFrame], retrained: Iterable[pd.DataFrame], secml: Collection[str]
) -> pd.DataFrame:
    """Put together what a network does before and after suspects are removed from its training rows.

    Parameters
    ----------
    trained, retrained : records of the poison bench, a row a seed: `setting`, `poison`, `detector`, `seed`,
        `n_training`, `n_removed`, `n_poison`, `n_poison_removed`, `accuracy`, `attack_success` (NaN where the
        attacker wants no label in particular)

    Returns
    -------
    Those records that are of `FILTERS` and have poison: `setting`, `poison`, `family` (`secml` or `other`),
    `detector`, `seed`, `accuracy`, `attack_success`, `poison_removed` and `clean_removed` (shares),
    `n_poison`

    Raises
    ------
    InputError
        Where a record lacks a column, or a seed is there twice.
    """
    columns = [*RUN, "detector", "n_training", "n_removed", "n_poison", "n_poison_removed"]
    columns += ["accuracy", "attack_success"]
    records = [*trained, *retrained]
    for record in records:
        for name in columns:
            if name not in record:
                raise InputError(f"a record of training lacks the column {name}, needed are {columns}")
    table = pd.concat([record[columns].astype({"attack_success": float}) for record in records])
    table = table[table["detector"].isin(FILTERS) & (table["n_poison"] > 0)].reset_index(drop=True)
    repeated = table[table.duplicated([*RUN, "detector"])]
    if len(repeated):
        setting, poison, seed, detector = repeated.iloc[0][[*RUN, "detector"]]
        raise InputError(f"seed {seed} of {setting}, {poison}, {detector} is given twice, allowed is once")
    n_clean = table["n_training"] - table["n_poison"]
    return pd.DataFrame(
        {
            **table[EXPERIMENT],
            "family": np.where(table["poison"].isin(list(secml)), "secml", "other"),
            **table[["detector", "seed", "accuracy", "attack_success"]],
            "poison_removed": table["n_poison_removed"] / table["n_poison"],
            "clean_removed": (table["n_removed"] - table["n_poison_removed"]) / n_clean,
            "n_poison": table["n_poison"],
        }
    )


def average_over_experiments(by_run: pd.DataFrame) -> pd.Series:
    """Average figures of several experiments in each seed, over those that have one there.

    Seeds of one number share images, also those of different poisons, so each is one replicate.

    Parameters
    ----------
    by_run : a row for each experiment and `seed`, with `value`


    Returns
    -------
    The means, by seed
    """
    means: pd.Series = by_run.dropna(subset="value").groupby("seed")["value"].mean()
    return means


def tabulate_credibility(
    measured: pd.DataFrame, changes: pd.DataFrame, described: pd.DataFrame
) -> pd.DataFrame:
    """Average credibility, and its changes from one set of poison to a larger one, over the seeds.

    Returns
    -------
    A row for each experiment and quantity: `setting`, `poison`, `compared_with` (of a change, the smaller
    set), `points`, `labels`, `rate` (of the poison in a training set), `quantity`, `value`, `ci95_low`,
    `ci95_high`, `n_points` (poison, of all seeds), `n_seeds`
    """
    frames = [measured.assign(compared_with=""), changes]
    by_run = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    table = average_over_seeds(
        by_run, [*EXPERIMENT, "compared_with", "quantity"], BOUNDS, more={"n_points": sum}
    )
    table = table.merge(described, on=EXPERIMENT, how="left", validate="many_to_one")
    first = [*EXPERIMENT, "compared_with", "points", "labels", "rate", "quantity"]
    return table[[*first, "value", "ci95_low", "ci95_high", "n_points", "n_seeds"]]


def tabulate_depth(measured: pd.DataFrame) -> pd.DataFrame:
    """Average what `measure_depth` returns over the seeds.

    Returns
    -------
    `setting`, `poison`, `group`, `layer`, `quantity`, `value`, `ci95_low`, `ci95_high`, `n_points` (of the
    group, all seeds), `n_seeds` (those in which the group has points)
    """
    keys = [*EXPERIMENT, "group", "layer", "quantity"]
    return average_over_seeds(measured, keys, BOUNDS, more={"n_points": sum})


def tabulate_removal(removal: pd.DataFrame) -> pd.DataFrame:
    """Average what networks do before and after removal over experiments, then over seeds.

    Returns
    -------
    A row for each `family`, `detector` and `quantity` (those of `REMOVAL`; `change_{quantity}_against_random`
    and `..._against_perfect`, within an experiment and seed): `value`, `ci95_low`, `ci95_high`, `n_points`
    (poison, of all runs that have the figure), `n_experiments`, `n_seeds`
    """
    rows = []
    for family, detector in product(("secml", "other"), FILTERS):
        of_family = removal[removal["family"] == family]
        of_filter = of_family[of_family["detector"] == detector]
        if of_filter.empty:
            continue
        by_quantity = {quantity: of_filter.assign(value=of_filter[quantity]) for quantity in REMOVAL}
        for control, quantity in product((RANDOM, PERFECT), REMOVAL[:2]):
            if detector != control:
                compared = compare_filters(of_family, detector, control, quantity)
                by_quantity[f"change_{quantity}_against_{control}"] = compared
        for quantity, by_run in by_quantity.items():
            known = by_run.dropna(subset="value")
            low, high = NO_BOUNDS if quantity.startswith("change") else (0.0, 1.0)
            rows.append(
                {"family": family, "detector": detector, "quantity": quantity}
                | figure_over_seeds(average_over_experiments(known), low=low, high=high)
                | {"n_points": known["n_poison"].sum(), "n_experiments": known.groupby(EXPERIMENT).ngroups}
            )
    first = ["family", "detector", "quantity", "value", "ci95_low", "ci95_high"]
    return pd.DataFrame(rows, columns=[*first, "n_points", "n_experiments", "n_seeds"])


def compare_filters(removal: pd.DataFrame, first: str, second: str, quantity: str) -> pd.DataFrame:
    """Subtract what the network does after one filter from what it does after another, run by run.

    Parameters
    ----------
    first, second : detectors


    Returns
    -------
    `setting`, `poison`, `seed`, `value` (first less second), `n_poison`: the runs that have both
    """
    both = _join_runs(removal, "detector", first, second)
    return both.assign(value=both[quantity] - both[f"{quantity}_of_second"])[[*RUN, "value", "n_poison"]]


def _join_runs(by_run: pd.DataFrame, column: str, first: str, second: str) -> pd.DataFrame:
    """Join the rows that have one of two names in a column by their runs, with the suffix `_of_second`."""
    of_first, of_second = (by_run[by_run[column] == name] for name in (first, second))
    return of_first.merge(of_second, on=RUN, suffixes=("", "_of_second"), validate="one_to_one")


CLAIM = partial(claim_over_seeds, source=SOURCE)


def make_claims(
    points: pd.DataFrame,
    credibility: pd.DataFrame,
    changes: pd.DataFrame,
    depth: pd.DataFrame,
    removal: pd.DataFrame,
    *,
    layers: Sequence[str],
    secml: Collection[str],
    resamples: int = RESAMPLES,
) -> list[Claim]:
    """Test what the report's section 4 asks.

    Parameters
    ----------
    resamples : permutations in the tests of variances


    Returns
    -------
    The same claims whatever experiments there are; one that cannot be tested has NaN as value and p
    """
    of_secml = points["poison"].isin(list(secml))
    credibility, depth = (of[of["poison"].isin(list(secml))] for of in (credibility, depth))
    return [
        *_test_variance(points[of_secml], credibility, resamples=resamples),
        _test_height(points[of_secml], "secml", "secml's poison"),
        _test_height(points[~of_secml], "other", "every other poison"),
        *(_test_change(changes, more_of) for more_of in ("points", "labels")),
        _test_misclassified(depth, layers[-1]),
        *_test_depth(depth, layers),
        *_test_removal(removal),
    ]


def _test_variance(points: pd.DataFrame, credibility: pd.DataFrame, *, resamples: int) -> Iterator[Claim]:
    """Test whether the credibility of poison varies less than that of clean points, always."""
    for control, label in {"clean": "clean", "misclassified_clean": "misclassified clean"}.items():
        p_values = []
        for (_, _, seed), of_run in points.groupby(RUN, sort=False):
            poison = of_run.loc[of_run["is_poison"], "credibility"]
            clean = of_run.loc[select_controls(of_run)[control], "credibility"]
            p_values.append(
                (seed, *permute(poison, clean, seed=int(str(seed)), resamples=resamples)["variance"])
            )
        p = pd.DataFrame(p_values, columns=["seed", "p_low", "p_high"]).dropna()
        worst = p.groupby("seed")["p_high"].agg(least_corrected)
        ratios = credibility[credibility["quantity"] == f"variance_over_{CONTROLS[control]}"]
        yield CLAIM(
            f"variance_of_secml_poison_below_{control}",
            average_over_experiments(ratios),
            (greatest_over_seeds(p["p_low"]), greatest_over_seeds(worst)),
            bounds=(0, np.inf),
            words=ALWAYS_LOW,
            quantity=f"variance of the credibility of secml's poison over that of {label} training rows, "
            "mean of the experiments",
            n_points=int(ratios.dropna(subset="value")["n_points"].sum()),
            test="permutation test of the values about the mean of their group, within each seed of each "
            "experiment (unit: a point); for: the greatest p of all; against: in every seed one of its "
            "experiments varies more (Bonferroni over the experiments of a seed, the greatest p of the "
            "seeds)",
            bound=1.0,
            where=CREDIBILITY_TABLE,
        )


def _test_height(points: pd.DataFrame, name: str, label: str) -> Claim:
    """Test whether nearly all poison points of every experiment have a low credibility."""
    poison = points[points["is_poison"]]
    is_above = poison["credibility"] > LOW_CREDIBILITY
    counts = is_above.groupby([poison[key] for key in EXPERIMENT]).agg(["sum", "size"])
    p = [share_above(int(above), int(n), RARE) for above, n in counts.to_numpy()]
    by_run = is_above.groupby([poison[key] for key in RUN]).mean().rename("value").reset_index()
    return CLAIM(
        f"hardly_a_point_of_{name}_poison_is_credible",
        average_over_experiments(by_run),
        (greatest_over_seeds([below for _, below in p]), least_corrected([above for above, _ in p])),
        bounds=(0, 1),
        words=ALWAYS_LOW,
        quantity=f"share of the points of {label} with a credibility above {LOW_CREDIBILITY}, of which a low "
        "maximum leaves none, mean of the experiments",
        n_points=len(poison),
        test=f"binomial test (unit: a point) of each experiment, points of all seeds, that fewer than "
        f"{100 * RARE:g} % are above {LOW_CREDIBILITY}; for: the greatest p; against: the least, times their "
        "number (Bonferroni), as one experiment refutes it",
        bound=RARE,
        where=CREDIBILITY_TABLE,
    )


def _test_change(changes: pd.DataFrame, more_of: str) -> Claim:
    """Test whether the variance of credibility grows with the number of points, or of labels."""
    chosen = changes[changes["quantity"] == f"change_variance_with_{more_of}"]
    same = {"points": "labels", "labels": "points"}[more_of]
    by_seed = average_over_experiments(chosen)
    return CLAIM(
        f"variance_grows_with_{more_of}",
        by_seed,
        mean_above(by_seed, 0.0),
        words=f"{LARGER_SETS} {ALWAYS_LOW}",
        quantity=f"variance of the credibility of secml's poison of more {more_of}, less that of fewer "
        f"{more_of} and as many {same}, mean of the pairs of experiments",
        n_points=int(chosen.dropna(subset="value")["n_points"].sum()),
        test="one-sided t-tests over seeds, of the difference within a seed",
        where=CREDIBILITY_TABLE,
    )


def _claim_difference(
    name: str,
    by_run: pd.DataFrame,
    *,
    compare: Callable[[pd.Series, float], tuple[float, float]] = mean_above,
    test: str = "one-sided t-tests over seeds, of the difference within an experiment and seed",
    **attributes: Any,
) -> Claim:
    """Make a claim of a difference in each run: `value`, and `n_points` that it is of."""
    known = by_run.dropna(subset="value")
    by_seed, n_points = average_over_experiments(known), int(known["n_points"].sum())
    return CLAIM(name, by_seed, compare(by_seed, 0.0), n_points=n_points, test=test, **attributes)


def _compare_groups(depth: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract the figures of one group from those of another, run by run; `n_points` are those of both."""
    both = _join_runs(depth, "group", first, second)
    both["value"] -= both["value_of_second"]
    both["n_points"] += both["n_points_of_second"]
    return both


def _test_misclassified(depth: pd.DataFrame, last: str) -> Claim:
    """Test whether poison is more frequent near clean points that the network misclassifies."""
    in_last = depth[(depth["quantity"] == "percent_poison") & (depth["layer"] == last)]
    return _claim_difference(
        "poison_is_nearer_to_the_misclassified",
        _compare_groups(in_last, "misclassified_clean", "clean"),
        words=LARGER_SETS,
        quantity=f"poison among the neighbours of misclassified clean training rows in {last}, less that of "
        "all clean ones, percentage points, mean of secml's experiments",
        where=DEPTH_TABLE,
    )


def _test_depth(depth: pd.DataFrame, layers: Sequence[str]) -> Iterator[Claim]:
    """Test whether poison among the neighbours of poison grows with depth, and more where it is memorised."""
    of_poison = depth[(depth["group"] == "poison") & (depth["quantity"] == "percent_poison")]
    by_layer = {layer: average_over_experiments(of_poison[of_poison["layer"] == layer]) for layer in layers}
    yield CLAIM(
        "influence_grows_from_layer_to_layer",
        *compare_layers(pd.DataFrame(by_layer)),
        words=GROWS,
        quantity="smallest of the steps from a layer to the next of the poison among the neighbours of "
        "poison, percentage points, mean of secml's experiments",
        n_points=int(of_poison[of_poison["layer"] == layers[0]]["n_points"].sum()),
        test="one-sided t-tests over seeds of every step: for, all of them are above 0 (the largest p); "
        "against, one of them is below 0 (Bonferroni)",
        where=DEPTH_TABLE,
    )
    slopes = depth[depth["quantity"] == "slope_of_percent_poison"]
    yield _claim_difference(
        "grows_more_where_memorised",
        _compare_groups(slopes, "memorised", "not_memorised"),
        words=GROWS,
        quantity="our answer, that it grows with memorising: slope over the layers of the poison among the "
        "neighbours of poison that the network gives its given label, less that of other poison, percentage "
        "points a layer, mean of secml's experiments",
        where=DEPTH_TABLE,
    )


def _test_removal(removal: pd.DataFrame) -> Iterator[Claim]:
    """Test whether removing the suspects and training again helps.

    Accuracy is what secml's poison is to lower, so it is asked of that; success is asked of every attack that
    wants a label in particular.
    """
    of_secml = removal[removal["family"] == "secml"]

    def claim(name: str, *compared: Any, **attributes: Any) -> Claim:
        by_run = compare_filters(*compared).rename(columns={"n_poison": "n_points"})
        return _claim_difference(name, by_run, words=REMOVE, where=REMOVAL_TABLE, **attributes)

    for detector, name, label in (
        (BY_CREDIBILITY, "credibility", "low credibility (the report's proposal)"),
        (BY_LABELS, "labels", "neighbours of another label (our answer)"),
    ):
        yield claim(
            f"removal_by_{name}_raises_accuracy",
            *(of_secml, detector, RANDOM, "accuracy"),
            quantity=f"accuracy on clean held-out images after removal by {label}, less that after removal "
            "at random, mean of secml's experiments",
        )
        yield claim(
            f"removal_by_{name}_lowers_success",
            *(removal, detector, RANDOM, "attack_success"),
            quantity=f"success of the attack after removal by {label}, less that after removal at random, "
            "mean of all experiments whose attack wants a label",
            compare=lambda by_seed, bound: mean_above(by_seed, bound)[::-1],
        )
    yield claim(
        "removal_by_labels_is_near_the_perfect_filter",
        *(of_secml, BY_LABELS, PERFECT, "accuracy"),
        quantity="accuracy on clean held-out images after removal by neighbours of another label (our "
        "answer), less that after removal of the poison alone, mean of secml's experiments",
        compare=lambda by_seed, bound: mean_equals(by_seed, bound, ACCURACY_MARGIN),
        test=f"two one-sided t-tests over seeds, margin {100 * ACCURACY_MARGIN:g} percentage point",
    )
