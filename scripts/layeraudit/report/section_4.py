"""Section 4 of the report: what it leaves to further experiments, answered from the poison bench.

It asks for larger sets of poison with several labels, their influence, and what removing the suspects does;
whether poison always has a credibility of low variance and low maximum; and why poison among the neighbours
grows towards the final layer. The first and the last are asked of secml's poison, which is the report's; the
tables hold every other poison beside it.

A point is a training row, poison or clean, and none is its own neighbour. It is misclassified where the
network gives it another label than it was given, and a poison point is memorised where the network gives it
the label that it was given. The experiments of a seed share its images, so a claim of several experiments is
tested on their mean in each seed: seeds are the replicates.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import pairwise, product

import numpy as np
import pandas as pd
from scipy import stats

from layeraudit.errors import InputError
from layeraudit.experiments import PERFECT, RANDOM, UNFILTERED
from layeraudit.statistics import (
    Claim,
    figure_over_seeds,
    greatest_over_seeds,
    mean_above,
    mean_equals,
    share_differs,
)
from layeraudit.report.experiment_2_1 import LOW_CREDIBILITY, RARE, permute, select_controls
from layeraudit.report.experiment_2_2 import select_groups

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

BOUNDS = {"change": (-np.inf, np.inf), "slope": (-np.inf, np.inf), "variance": (0.0, np.inf)} | {
    "percent": (0.0, 100.0)
}
"""The least and greatest value of quantities, by the first word of their name; of all others 0 and 1."""

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
    """Say of the training rows of many runs what they are of, and whether they are misclassified.

    Parameters
    ----------
    scores : of the training rows, with the column `seed`: the place of the run, 0, 1, ...
    settings, poisons, seeds : of each run, in the order of the runs
    layers : from input to output

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

    Parameters
    ----------
    points : as `gather_points` gives them

    Returns
    -------
    A row for each `setting` and `poison`: `points` (in a training set; mean over seeds), `labels` (that the
    poison was given; the most in a seed), `rate` (share of the training set; mean over seeds)
    """
    rows = []
    for (setting, poison), of_experiment in points.groupby(EXPERIMENT, sort=False):
        by_seed = of_experiment.groupby("seed")["is_poison"]
        labels = of_experiment[of_experiment["is_poison"]].groupby("seed")["y"].nunique()
        rows.append(
            {
                "setting": setting,
                "poison": poison,
                "points": by_seed.sum().mean(),
                "labels": labels.max(),
                "rate": by_seed.mean().mean(),
            }
        )
    return pd.DataFrame(rows)


def measure_credibility(points: pd.DataFrame) -> pd.DataFrame:
    """Measure the credibility of poison in each run, and how much it varies beside that of clean points.

    Variances are those of a sample (n - 1). The clean points of its labels are those whose true label poison
    has or was given. The misclassified are the fair comparison: credibility does not look at the label that a
    point was given, and the network reads most of this poison otherwise than that label.

    Parameters
    ----------
    points : as `gather_points` gives them

    Returns
    -------
    A row for each `setting`, `poison`, `seed` and `quantity`, with `value` and `n_points` (poison):
    `mean`, `decile_1`, `decile_9`, `variance`, `maximum`, `share_above_0.2`, and for each control the first
    four as `mean_of_{control}` and so on, and `variance_over_{control}`, the ratio of poison's variance to
    that of the control. Without two points there is no variance, and without a variance above 0 to divide by
    no ratio: the value is then NaN.
    """
    rows = []
    for (setting, poison, seed), of_run in points.groupby(RUN, sort=False):
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
        rows += [
            {"setting": setting, "poison": poison, "seed": seed, "quantity": quantity}
            | {"value": float(value), "n_points": len(credibility)}
            for quantity, value in figures.items()
        ]
    return pd.DataFrame(rows)


def _describe(credibility: pd.Series) -> dict[str, float]:
    """Return mean, first and ninth decile, and variance; each is NaN where it is of too few points."""
    first, ninth = credibility.quantile([0.1, 0.9])
    return {
        "mean": credibility.mean(),
        "decile_1": first,
        "decile_9": ninth,
        "variance": credibility.var(),
    }


def pair_experiments(described: pd.DataFrame, secml: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    """Find the experiments of secml's poison that differ in the number of points alone, or of labels alone.

    Of several numbers each is compared with the next.

    Parameters
    ----------
    described : as `describe_poison` gives it
    secml : the poisons that secml makes

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

    Parameters
    ----------
    measured : as `measure_credibility` gives it
    described, secml : see `pair_experiments`

    Returns
    -------
    A row for each pair of experiments, `seed` and `quantity`, `change_{quantity}_with_points` or
    `..._with_labels`: `setting`, `poison` (the larger set), `compared_with` (the smaller set), `seed`,
    `quantity`, `value`, `n_points` (poison, of both)
    """
    columns = [*EXPERIMENT, "compared_with", "seed", "quantity", "value", "n_points"]
    frames = [pd.DataFrame(columns=columns)]
    for more_of, setting, more, fewer in pair_experiments(described, secml):
        for quantity in CHANGING:
            larger, smaller = (
                measured[
                    (measured["setting"] == setting)
                    & (measured["poison"] == poison)
                    & (measured["quantity"] == quantity)
                ].set_index("seed")
                for poison in (more, fewer)
            )
            seeds = larger.index[larger.index.isin(smaller.index)]
            frames.append(
                pd.DataFrame(
                    {
                        "setting": setting,
                        "poison": more,
                        "compared_with": fewer,
                        "seed": seeds,
                        "quantity": f"change_{quantity}_with_{more_of}",
                        "value": (larger["value"] - smaller["value"]).loc[seeds].to_numpy(),
                        "n_points": (larger["n_points"] + smaller["n_points"]).loc[seeds].to_numpy(),
                    }
                )
            )
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def measure_depth(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Measure whose neighbours are poison, and which label they were given, layer by layer in each run.

    Parameters
    ----------
    points : as `gather_points` gives them
    layers : from input to output
    k : neighbours of a point in a layer

    Returns
    -------
    A row for each `setting`, `poison`, `seed`, `group`, `layer` and `quantity`, with `value` and `n_points`.
    Groups are `poison`, of it `memorised` and `not_memorised`, `clean`, `misclassified` (poison included) and
    `misclassified_clean`. Quantities are `percent_poison` and `percent_same_label` (of the neighbours, poison
    and given the label that the point was given), `slope_of_` each (a line over the layers, percentage points
    a layer; without a layer), `percent_memorised` of the group poison, and `percent_base_rate` of the group
    `all`, the poison among the training rows. A group without points has the value NaN.
    """
    rows = []
    for (setting, poison, seed), of_run in points.groupby(RUN, sort=False):
        run = {"setting": setting, "poison": poison, "seed": seed}
        chosen = select_groups(of_run)
        is_poison, misclassified = of_run["is_poison"], of_run["misclassified"]
        groups = {
            "poison": chosen["poisoned"],
            "memorised": is_poison & ~misclassified,
            "not_memorised": is_poison & misclassified,
            "clean": chosen["non_poisoned"],
            "misclassified": chosen["misclassified"],
            "misclassified_clean": chosen["misclassified_clean"],
        }
        figures = [
            ("all", "", "percent_base_rate", 100 * is_poison.mean(), len(of_run)),
            ("poison", "", "percent_memorised", 100 * groups["memorised"][is_poison].mean(), is_poison.sum()),
        ]
        for group, members in groups.items():
            n_points = members.sum()
            for quantity, count in NEIGHBOURS.items():
                shares = [100 / k * of_run.loc[members, f"{count}_{layer}"].mean() for layer in layers]
                for layer, share in zip(layers, shares, strict=True):
                    figures.append((group, layer, quantity, share, n_points))
                figures.append((group, "", f"slope_of_{quantity}", _fit_slope(shares), n_points))
        rows += [
            run
            | {"group": group, "layer": layer, "quantity": quantity}
            | {"value": float(value), "n_points": int(n_points)}
            for group, layer, quantity, value, n_points in figures
        ]
    return pd.DataFrame(rows)


def _fit_slope(shares: Sequence[float]) -> float:
    """Fit a line to shares over the layers; of one layer, or where a share is NaN, there is none."""
    if len(shares) < 2 or np.isnan(shares).any():
        return np.nan
    return float(stats.linregress(np.arange(len(shares)), shares).slope)


def measure_removal(
    trained: Iterable[pd.DataFrame], retrained: Iterable[pd.DataFrame], secml: Collection[str]
) -> pd.DataFrame:
    """Put together what a network does before and after suspects are removed from its training rows.

    Parameters
    ----------
    trained, retrained : records of the poison bench, a row a seed: `setting`, `poison`, `detector`, `seed`,
        `n_training`, `n_removed`, `n_poison`, `n_poison_removed`, `accuracy`, `attack_success` (NaN where the
        attacker wants no label in particular)
    secml : the poisons that secml makes

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


def _average_over_seeds(by_run: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Average each figure over the seeds: the keys, `value`, its interval, `n_points`, `n_seeds`."""
    rows = []
    for names, figure in by_run.groupby(list(keys), sort=False, dropna=False):
        quantity = str(names[-1])
        low, high = BOUNDS.get(quantity.split("_")[0], (0.0, 1.0))
        over_seeds = figure_over_seeds(figure["value"].to_numpy(dtype=np.float64), low=low, high=high)
        n_seeds = over_seeds.pop("n_seeds")
        rows.append(
            dict(zip(keys, names, strict=True))
            | over_seeds
            | {"n_points": int(figure["n_points"].sum()), "n_seeds": n_seeds}
        )
    return pd.DataFrame(rows)


def tabulate_credibility(
    measured: pd.DataFrame, changes: pd.DataFrame, described: pd.DataFrame
) -> pd.DataFrame:
    """Average credibility, and its changes from one set of poison to a larger one, over the seeds.

    Parameters
    ----------
    measured, changes, described : as `measure_credibility`, `measure_changes` and `describe_poison` give them

    Returns
    -------
    A row for each experiment and quantity: `setting`, `poison`, `compared_with` (of a change, the smaller
    set), `points`, `labels`, `rate` (of the poison in a training set), `quantity`, `value`, `ci95_low`,
    `ci95_high`, `n_points` (poison, of all seeds), `n_seeds`
    """
    frames = [measured.assign(compared_with=""), changes]
    by_run = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    table = _average_over_seeds(by_run, [*EXPERIMENT, "compared_with", "quantity"])
    table = table.merge(described, on=EXPERIMENT, how="left", validate="many_to_one")
    first = [*EXPERIMENT, "compared_with", "points", "labels", "rate", "quantity"]
    return table[[*first, "value", "ci95_low", "ci95_high", "n_points", "n_seeds"]]


def tabulate_depth(measured: pd.DataFrame) -> pd.DataFrame:
    """Average what `measure_depth` gives over the seeds.

    Returns
    -------
    `setting`, `poison`, `group`, `layer`, `quantity`, `value`, `ci95_low`, `ci95_high`, `n_points` (of the
    group, all seeds), `n_seeds` (those in which the group has points)
    """
    return _average_over_seeds(measured, [*EXPERIMENT, "group", "layer", "quantity"])


def tabulate_removal(removal: pd.DataFrame) -> pd.DataFrame:
    """Average what networks do before and after removal over experiments, then over seeds.

    Parameters
    ----------
    removal : as `measure_removal` gives it

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
        for control in (RANDOM, PERFECT):
            if detector != control:
                for quantity in REMOVAL[:2]:
                    by_quantity[f"change_{quantity}_against_{control}"] = compare_filters(
                        of_family, detector, control, quantity
                    )
        for quantity, by_run in by_quantity.items():
            known = by_run.dropna(subset="value")
            low, high = BOUNDS.get(quantity.split("_")[0], (0.0, 1.0))
            rows.append(
                {"family": family, "detector": detector, "quantity": quantity}
                | figure_over_seeds(average_over_experiments(known), low=low, high=high)
                | {
                    "n_points": int(known["n_poison"].sum()),
                    "n_experiments": known.groupby(EXPERIMENT).ngroups,
                }
            )
    first = ["family", "detector", "quantity", "value", "ci95_low", "ci95_high"]
    return pd.DataFrame(rows, columns=[*first, "n_points", "n_experiments", "n_seeds"])


def compare_filters(removal: pd.DataFrame, first: str, second: str, quantity: str) -> pd.DataFrame:
    """Subtract what the network does after one filter from what it does after another, run by run.

    Parameters
    ----------
    removal : as `measure_removal` gives it
    first, second : detectors

    Returns
    -------
    `setting`, `poison`, `seed`, `value` (first less second), `n_poison`: the runs that have both
    """
    of_first, of_second = (removal[removal["detector"] == detector] for detector in (first, second))
    both = of_first.merge(of_second, on=RUN, suffixes=("", "_of_second"), validate="one_to_one")
    both["value"] = both[quantity] - both[f"{quantity}_of_second"]
    return both[[*RUN, "value", "n_poison"]]


def weigh_claims(
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
    """Put what the report's section 4 asks to the test.

    Parameters
    ----------
    points : as `gather_points` gives them
    credibility, changes, depth, removal : figures by seed, as `measure_credibility`, `measure_changes`,
        `measure_depth` and `measure_removal` give them
    layers : from input to output
    secml : the poisons that secml makes
    resamples : permutations in the tests of variances

    Returns
    -------
    The same claims whatever experiments there are; one that cannot be tested has NaN as value and p
    """
    names = list(secml)
    of_secml = points["poison"].isin(names)
    return [
        *_weigh_variance(
            points[of_secml], credibility[credibility["poison"].isin(names)], resamples=resamples
        ),
        _weigh_height(points[of_secml], "secml", "secml's poison"),
        _weigh_height(points[~of_secml], "other", "every other poison"),
        *(_weigh_change(changes, more_of) for more_of in ("points", "labels")),
        _weigh_misclassified(depth[depth["poison"].isin(names)], layers[-1]),
        *_weigh_depth(depth[depth["poison"].isin(names)], layers),
        *_weigh_removal(removal),
    ]


def _weigh_variance(points: pd.DataFrame, credibility: pd.DataFrame, *, resamples: int) -> list[Claim]:
    """Weigh that the credibility of poison varies less than that of clean points, always."""
    claims = []
    for control, label in {"clean": "clean", "misclassified_clean": "misclassified clean"}.items():
        p_values = []
        for (_, _, seed), of_run in points.groupby(RUN, sort=False):
            poison = of_run.loc[of_run["is_poison"], "credibility"]
            clean = of_run.loc[select_controls(of_run)[control], "credibility"]
            p_low, p_high = permute(poison, clean, seed=int(str(seed)), resamples=resamples)["variance"]
            p_values.append({"seed": seed, "p_low": p_low, "p_high": p_high})
        p = pd.DataFrame(p_values, columns=["seed", "p_low", "p_high"]).dropna()
        worst = p.groupby("seed")["p_high"].agg(_correct_least)
        ratios = credibility[credibility["quantity"] == f"variance_over_{CONTROLS[control]}"]
        claims.append(
            _claim(
                f"variance_of_secml_poison_below_{control}",
                ALWAYS_LOW,
                f"variance of the credibility of secml's poison over that of {label} training rows, mean of "
                "the experiments",
                average_over_experiments(ratios),
                n_points=ratios.dropna(subset="value")["n_points"].sum(),
                test="permutation test of the values about the mean of their group, within each seed of each "
                "experiment (unit: a point); for: the greatest p of all; against: in every seed one of its "
                "experiments varies more (Bonferroni over the experiments of a seed, the greatest p of the "
                "seeds)",
                bound=1.0,
                p=(greatest_over_seeds(p["p_low"]), greatest_over_seeds(worst)),
                where=CREDIBILITY_TABLE,
                low=0.0,
            )
        )
    return claims


def _correct_least(p_values: pd.Series) -> float:
    """Give the least p-value, corrected for their number (Bonferroni): small where one alternative holds."""
    return float(np.minimum(1.0, len(p_values) * p_values.min())) if len(p_values) else np.nan


def _weigh_height(points: pd.DataFrame, name: str, label: str) -> Claim:
    """Weigh that hardly a poison point of any experiment has a credibility that is not low."""
    poison = points[points["is_poison"]]
    is_above = poison["credibility"] > LOW_CREDIBILITY
    counts = is_above.groupby([poison[key] for key in EXPERIMENT]).agg(["sum", "size"])
    few, many = (
        pd.Series(
            [share_differs(int(above), int(n), RARE, side) for above, n in counts.to_numpy()], dtype=float
        )
        for side in ("less", "greater")
    )
    by_run = is_above.groupby([poison[key] for key in RUN]).mean().rename("value").reset_index()
    return _claim(
        f"hardly_a_point_of_{name}_poison_is_credible",
        ALWAYS_LOW,
        f"share of the points of {label} with a credibility above {LOW_CREDIBILITY}, of which a low maximum "
        "leaves none, mean of the experiments",
        average_over_experiments(by_run),
        n_points=len(poison),
        test=f"binomial test (unit: a point) of each experiment, points of all seeds, that fewer than "
        f"{100 * RARE:g} % are above {LOW_CREDIBILITY}; for: the greatest p; against: the least, times their "
        "number (Bonferroni), as one experiment refutes it",
        bound=RARE,
        p=(greatest_over_seeds(few), _correct_least(many)),
        where=CREDIBILITY_TABLE,
        low=0.0,
        high=1.0,
    )


def _weigh_change(changes: pd.DataFrame, more_of: str) -> Claim:
    """Weigh that the variance of credibility grows with the number of points, or of labels, of the poison."""
    chosen = changes[changes["quantity"] == f"change_variance_with_{more_of}"]
    same = {"points": "labels", "labels": "points"}[more_of]
    by_seed = average_over_experiments(chosen)
    return _claim(
        f"variance_grows_with_{more_of}",
        f"{LARGER_SETS} {ALWAYS_LOW}",
        f"variance of the credibility of secml's poison of more {more_of}, less that of fewer {more_of} and "
        f"as many {same}, mean of the pairs of experiments",
        by_seed,
        n_points=chosen.dropna(subset="value")["n_points"].sum(),
        test="one-sided t-tests over seeds, of the difference within a seed",
        p=mean_above(by_seed, 0.0),
        where=CREDIBILITY_TABLE,
    )


def _compare_groups(depth: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract the figures of one group from those of another, run by run; `n_points` are those of both."""
    of_first, of_second = (depth[depth["group"] == group] for group in (first, second))
    both = of_first.merge(of_second, on=RUN, suffixes=("", "_of_second"), validate="one_to_one")
    both["value"] -= both["value_of_second"]
    both["n_points"] += both["n_points_of_second"]
    return both.dropna(subset="value")


def _weigh_misclassified(depth: pd.DataFrame, last: str) -> Claim:
    """Weigh that poison is more frequent near clean points that the network misclassifies."""
    in_last = depth[(depth["quantity"] == "percent_poison") & (depth["layer"] == last)]
    excess = _compare_groups(in_last, "misclassified_clean", "clean")
    by_seed = average_over_experiments(excess)
    return _claim(
        "poison_is_nearer_to_the_misclassified",
        LARGER_SETS,
        f"poison among the neighbours of misclassified clean training rows in {last}, less that of all clean "
        "ones, percentage points, mean of secml's experiments",
        by_seed,
        n_points=excess["n_points"].sum(),
        test="one-sided t-tests over seeds, of the difference within an experiment and seed",
        p=mean_above(by_seed, 0.0),
        where=DEPTH_TABLE,
    )


def _weigh_depth(depth: pd.DataFrame, layers: Sequence[str]) -> list[Claim]:
    """Weigh that poison among the neighbours of poison grows with depth, and more where it is memorised."""
    of_poison = depth[(depth["group"] == "poison") & (depth["quantity"] == "percent_poison")]
    by_layer = pd.DataFrame(
        {layer: average_over_experiments(of_poison[of_poison["layer"] == layer]) for layer in layers}
    )
    steps = by_layer.diff(axis=1).iloc[:, 1:]
    tested = len(steps) > 0 and steps.shape[1] > 0
    above, below = (
        np.transpose([mean_above(steps[layer], 0.0) for layer in steps.columns])
        if tested
        else np.full((2, 1), np.nan)
    )
    slopes = _compare_groups(
        depth[depth["quantity"] == "slope_of_percent_poison"], "memorised", "not_memorised"
    )
    by_seed = average_over_experiments(slopes)
    return [
        _claim(
            "influence_grows_from_layer_to_layer",
            GROWS,
            "smallest of the steps from a layer to the next of the poison among the neighbours of poison, "
            "percentage points, mean of secml's experiments",
            steps[steps.mean().idxmin()] if tested else pd.Series(dtype=float),
            n_points=of_poison[of_poison["layer"] == layers[0]]["n_points"].sum(),
            test="one-sided t-tests over seeds of every step: for, all of them are above 0 (the largest p); "
            "against, one of them is below 0 (Bonferroni)",
            p=(above.max(), np.minimum(1.0, len(below) * below.min())),
            where=DEPTH_TABLE,
        ),
        _claim(
            "grows_more_where_memorised",
            GROWS,
            "our answer, that it grows with memorising: slope over the layers of the poison among the "
            "neighbours of poison that the network gives its given label, less that of other poison, "
            "percentage points a layer, mean of secml's experiments",
            by_seed,
            n_points=slopes["n_points"].sum(),
            test="one-sided t-tests over seeds, of the difference within an experiment and seed",
            p=mean_above(by_seed, 0.0),
            where=DEPTH_TABLE,
        ),
    ]


def _weigh_removal(removal: pd.DataFrame) -> list[Claim]:
    """Weigh that removing the suspects and training again helps.

    Accuracy is what secml's poison is to lower, so it is asked of that; success is asked of every attack that
    wants a label in particular.
    """
    of_secml = removal[removal["family"] == "secml"]
    claims = []
    for detector, name, label in (
        (BY_CREDIBILITY, "credibility", "low credibility (the report's proposal)"),
        (BY_LABELS, "labels", "neighbours of another label (our answer)"),
    ):
        accuracy = compare_filters(of_secml, detector, RANDOM, "accuracy")
        success = compare_filters(removal, detector, RANDOM, "attack_success")
        claims += [
            _weigh_difference(
                f"removal_by_{name}_raises_accuracy",
                f"accuracy on clean held-out images after removal by {label}, less that after removal at "
                "random, mean of secml's experiments",
                accuracy,
                test=mean_above,
            ),
            _weigh_difference(
                f"removal_by_{name}_lowers_success",
                f"success of the attack after removal by {label}, less that after removal at random, mean of "
                "all experiments whose attack wants a label",
                success,
                test=lambda by_seed, bound: mean_above(by_seed, bound)[::-1],
            ),
        ]
    near = compare_filters(of_secml, BY_LABELS, PERFECT, "accuracy")
    claims.append(
        _weigh_difference(
            "removal_by_labels_is_near_the_perfect_filter",
            "accuracy on clean held-out images after removal by neighbours of another label (our answer), "
            "less that after removal of the poison alone, mean of secml's experiments",
            near,
            test=lambda by_seed, bound: mean_equals(by_seed, bound, ACCURACY_MARGIN),
            tested=f"two one-sided t-tests over seeds, margin {100 * ACCURACY_MARGIN:g} percentage point",
        )
    )
    return claims


def _weigh_difference(
    name: str,
    quantity: str,
    by_run: pd.DataFrame,
    *,
    test: Callable[[pd.Series, float], tuple[float, float]],
    tested: str = "one-sided t-tests over seeds, of the difference within an experiment and seed",
) -> Claim:
    known = by_run.dropna(subset="value")
    by_seed = average_over_experiments(known)
    return _claim(
        name,
        REMOVE,
        quantity,
        by_seed,
        n_points=known["n_poison"].sum(),
        test=tested,
        p=test(by_seed, 0.0),
        where=REMOVAL_TABLE,
    )


def _claim(
    name: str,
    words: str,
    quantity: str,
    by_seed: pd.Series,
    *,
    n_points: float,
    test: str,
    p: tuple[float, float],
    where: str,
    bound: float = np.nan,
    low: float = -np.inf,
    high: float = np.inf,
) -> Claim:
    return Claim(
        claim=name,
        source=SOURCE,
        words=words,
        reported="",
        quantity=quantity,
        **figure_over_seeds(by_seed, low=low, high=high),
        n_points=int(n_points),
        test=test,
        bound=bound,
        p_for=float(p[0]),
        p_against=float(p[1]),
        where=where,
    )
