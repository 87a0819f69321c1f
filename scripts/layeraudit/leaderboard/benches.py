"""The benches of detectors: how well each finds poison, and inputs that a network errs on, and at what cost.

A detector gives every row a score, larger for what it suspects more; `layeraudit.detection` defines what is
measured of the scores and how its intervals are made. The controls, `random`, which knows nothing, and
`perfect`, which knows all, are shown beside the detectors; they have no rank and no part in tests.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.detection import (
    QUANTITIES,
    BenchExperiment,
    interval_of_resamples,
    measure_experiment,
    name_interval,
    resample_experiment,
)
from layeraudit.errors import InputError
from layeraudit.experiments import CLEAN, RANDOM, UNFILTERED
from layeraudit.leaderboard.filtering import choose_removed
from layeraudit.statistics import average_over_seeds

Bench = Literal["poison", "evasion"]

POISON: Bench = "poison"
EVASION: Bench = "evasion"
BENCHES = (POISON, EVASION)

KIND = {POISON: "poison", EVASION: "input"}
"""What tells the experiments of a setting apart, of each bench; the name of its column."""

SCORE_COLUMNS = {
    POISON: ["setting", "poison", "detector", "seed", "row", "is_poison", "score"],
    EVASION: ["setting", "input", "detector", "seed", "row", "is_suspect", "score"],
}

EXPERIMENT = ["setting", "poison"]

POISON_QUANTITIES = QUANTITIES[:3]

FIGURE_COLUMNS = [
    *("quantity", "value", "ci95_low", "ci95_high", "interval", "n_points", "n_positives", "n_seeds")
]

SHARED = {"capture": "shared: capture", "search": "shared: search"}
"""Steps that detectors share, as the table of costs names them in the place of a detector."""

COST_QUANTITIES = ("seconds", "fit_seconds", "score_seconds", "microseconds_a_row", "peak_mb")


class DetectorScores(NamedTuple):
    """The scores of one detector in one seed of an experiment.

    Attributes
    ----------
    rows : int64 [n], what tells the rows apart
    positive : bool [n], which are to be found
    scores : float64 [n]
    """

    setting: str
    kind: str
    seed: int
    detector: str
    rows: NDArray[np.int64]
    positive: NDArray[np.bool_]
    scores: NDArray[np.float64]


def stream_scores(paths: Iterable[Path], bench: Bench) -> Iterator[pd.DataFrame]:
    """Read the scores of a bench's detectors, a file at a time: all of them together may not fit into memory.

    Raises
    ------
    InputError
        Where one is missing, is no whole `.parquet` file, lacks a column, or has a score that is NaN.
    """
    for path in paths:
        try:
            table = pd.read_parquet(path, columns=SCORE_COLUMNS[bench])
        except FileNotFoundError:
            raise InputError(f"{path} does not exist") from None
        except ValueError as error:
            raise InputError(f"{path} is not a whole .parquet file of scores: {error}") from None
        if table["score"].isna().any():
            at = table.index[table["score"].isna()][0]
            raise InputError(f"{path} has a score of NaN in line {at}, allowed are numbers")
        yield table


def gather_experiments(tables: Iterable[pd.DataFrame], bench: Bench) -> list[BenchExperiment]:
    """Put the scores that all detectors of a bench give to the same rows side by side.

    Parameters
    ----------
    tables : with the columns of `SCORE_COLUMNS`; one may hold several detectors, settings and seeds

    Returns
    -------
    The experiments in the order of their names; seeds that have nothing to find, or nothing else, are left
    out, and with them experiments that have no other

    Raises
    ------
    InputError
        Where a detector lacks an experiment or a seed of it that others have, or was shown other rows.
    """
    split = _split_poison if bench == POISON else _split_inputs
    found: dict[tuple[str, str, int], dict[str, DetectorScores]] = {}
    for table in tables:
        for part in split(table):
            if part.positive.all() or not part.positive.any():
                continue
            known = found.setdefault((part.setting, part.kind, part.seed), {})
            first = next(iter(known.values()), part)
            same = np.array_equal(part.rows, first.rows) and np.array_equal(part.positive, first.positive)
            if not same or part.detector in known:
                fault = "is there twice" if same else f"has other rows than {first.detector}"
                raise InputError(f"{part.detector} {fault} in {part.setting} {part.kind}, seed {part.seed}")
            known[part.detector] = part._replace(rows=first.rows, positive=first.positive)  # held once
    detectors = sorted({detector for known in found.values() for detector in known})
    for (setting, kind, seed), known in found.items():
        if missing := [detector for detector in detectors if detector not in known]:
            raise InputError(
                f"{missing[0]} has no scores of {setting} {kind}, seed {seed}, "
                f"allowed are detectors that have scores of all experiments and seeds of the bench"
            )
    experiments = []
    for setting, kind in sorted({key[:2] for key in found}):
        seeds = sorted(key[2] for key in found if key[:2] == (setting, kind))
        by_seed = [found[setting, kind, seed] for seed in seeds]
        experiments.append(
            BenchExperiment(
                setting,
                kind,
                detectors=tuple(detectors),
                seeds=tuple(seeds),
                seeds_of_setting=tuple(sorted({key[2] for key in found if key[0] == setting})),
                scores=tuple(np.stack([known[name].scores for name in detectors]) for known in by_seed),
                positive=tuple(known[detectors[0]].positive for known in by_seed),
            )
        )
    return experiments


def _split_poison(table: pd.DataFrame) -> Iterator[DetectorScores]:
    for (setting, poison, detector, _), rows in table.groupby(["setting", "poison", "detector", "seed"]):
        rows = rows.sort_values("row", kind="stable")
        columns = (rows[name].to_numpy() for name in ("row", "is_poison", "score"))
        yield DetectorScores(str(setting), str(poison), int(rows["seed"].iloc[0]), str(detector), *columns)


def _split_inputs(table: pd.DataFrame) -> Iterator[DetectorScores]:
    for (setting, detector, _), own in table.groupby(["setting", "detector", "seed"]):
        seed = int(own["seed"].iloc[0])
        inputs = {str(name): rows.sort_values("row", kind="stable") for name, rows in own.groupby("input")}
        if CLEAN not in inputs:
            raise InputError(f"{detector} has no {CLEAN} images in {setting}, seed {seed}")
        clean = inputs.pop(CLEAN)
        for name, rows in inputs.items():
            both = pd.concat([clean, rows[rows["is_suspect"]]])
            positive = np.arange(len(both)) >= len(clean)
            row, score = (both[column].to_numpy() for column in ("row", "score"))
            yield DetectorScores(str(setting), name, seed, str(detector), row, positive, score)


def tabulate_detection(
    experiments: Iterable[BenchExperiment], bench: Bench, quantities: Sequence[str] = QUANTITIES
) -> pd.DataFrame:
    """Tabulate how well each detector finds what is to be found in each experiment.

    Returns
    -------
    A row for each experiment, detector and quantity: `setting`, `poison` or `input`, `detector`, and
    `FIGURE_COLUMNS`; the value is the mean over seeds
    """
    table: list[dict[str, Any]] = []
    for experiment in experiments:
        figures = measure_experiment(experiment, quantities)
        intervals = {
            quantity: interval_of_resamples(resampled)
            for quantity, resampled in resample_experiment(experiment, bench, quantities).items()
        }
        counts = {
            "interval": name_interval(len(experiment.seeds)),
            "n_points": sum(map(len, experiment.positive)),
            "n_positives": sum(int(positive.sum()) for positive in experiment.positive),
            "n_seeds": len(experiment.seeds),
        }
        for at, detector in enumerate(experiment.detectors):
            for quantity in quantities:
                low, high = intervals[quantity][:, at]
                value = figures[quantity][at].mean()
                table.append(
                    {"setting": experiment.setting, KIND[bench]: experiment.kind, "detector": detector}
                    | {"quantity": quantity, "value": value}
                    # Of few rows resamples may all lie on one side of a figure that is not linear in them.
                    | {"ci95_low": min(low, value), "ci95_high": max(high, value)}
                    | counts
                )
    return pd.DataFrame(table, columns=["setting", KIND[bench], "detector", *FIGURE_COLUMNS])


def tabulate_removal(experiments: Iterable[BenchExperiment], share: float) -> pd.DataFrame:
    """Tabulate the shares of the poison and of the clean rows that each detector removes as a filter.

    Parameters
    ----------
    experiments : of the poison bench
    share : of all rows, which a filter may remove

    Returns
    -------
    A row for each experiment, detector, and quantity `poison_removed` or `clean_removed`: `setting`,
    `poison`, `detector`, and `FIGURE_COLUMNS`; `n_points` counts the poison, or the clean rows, of all seeds
    """
    by_seed = []
    for experiment in experiments:
        for at, detector in enumerate(experiment.detectors):
            for seed, scores, positive in zip(
                experiment.seeds, experiment.scores, experiment.positive, strict=True
            ):
                removed = choose_removed(detector, scores[at], positive, share, seed=seed)
                for quantity, rows in {"poison_removed": positive, "clean_removed": ~positive}.items():
                    names = (experiment.setting, experiment.kind, detector, quantity)
                    by_seed.append((*names, removed[rows].mean(), int(rows.sum()), int(positive.sum())))
    columns = [*EXPERIMENT, "detector", "quantity", "value", "n_points", "n_positives"]
    return _average(pd.DataFrame(by_seed, columns=columns))


def _average(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Average figures of filters over the seeds, sorted by experiment and detector."""
    bounds = {"*_change": (-1.0, 1.0), "*_against_random": (-1.0, 1.0)}
    keys = [*EXPERIMENT, "detector", "quantity"]
    table = average_over_seeds(by_seed, keys, bounds, ["n_points", "n_positives"])
    table = table.assign(interval="Student's t over seeds")
    return table.sort_values(keys[:3], kind="stable")[[*keys[:3], *FIGURE_COLUMNS]]


def tabulate_filters(trained: pd.DataFrame, retrained: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the networks that were trained without the rows that each detector removes as a filter.

    Parameters
    ----------
    trained : a row for each `setting`, `poison` and `seed`, nothing removed: `n_training`, `n_poison`,
        `accuracy`, `attack_success` (NaN where `n_probe` is 0), `n_test`, `n_probe`
    retrained : the same for each `detector`

    Returns
    -------
    A row for each experiment, detector and quantity that it has: `setting`, `poison`, `detector`, and
    `FIGURE_COLUMNS`. `_change` is after less before, `_against_random` after less what the random filter
    leaves, in the same seed. `n_points` counts the images of all seeds that the shares are of, `n_positives`
    the poison

    Raises
    ------
    InputError
        Where a filter's network has none to compare with: without a filter, or with the random one.
    """
    keys = [*EXPERIMENT, "seed"]
    after = ["accuracy", "attack_success"]
    before = trained[[*keys, "n_poison", *after]].rename(
        columns=lambda name: f"{name}_before" if name in after else name
    )
    random = retrained.loc[retrained["detector"] == RANDOM, [*keys, *after]]
    counted = retrained.drop(columns="n_poison")
    joined = counted.merge(before, "left", keys, validate="many_to_one", indicator="unfiltered").merge(
        random, "left", keys, suffixes=("", "_random"), validate="many_to_one", indicator="compared"
    )
    for mark, other in [("unfiltered", UNFILTERED), ("compared", RANDOM)]:
        if (alone := joined[joined[mark] == "left_only"]).size:
            setting, poison, seed, detector = alone[[*keys, "detector"]].iloc[0]
            raise InputError(
                f"{detector} was retrained in {setting} {poison}, seed {seed}, where {other} is missing"
            )
    parts = []
    for name, column, n_points in [
        ("accuracy", "accuracy", "n_test"),
        ("success", "attack_success", "n_probe"),
    ]:
        left, unfiltered = joined[column], joined[f"{column}_before"]
        for quantity, values in {
            f"{name}_before": unfiltered,
            f"{name}_after": left,
            f"{name}_change": left - unfiltered,
            f"{name}_after_against_random": (left - joined[f"{column}_random"]).mask(
                joined["detector"] == RANDOM
            ),
        }.items():
            named = joined[[*EXPERIMENT, "detector"]].assign(quantity=quantity, value=values)
            parts.append(named.assign(n_points=joined[n_points], n_positives=joined["n_poison"]))
    table = _average(pd.concat(parts))
    return table[table["n_seeds"] > 0].reset_index(drop=True)


def tabulate_poison(
    experiments: Sequence[BenchExperiment],
    trained: Sequence[pd.DataFrame],
    retrained: Sequence[pd.DataFrame],
    *,
    share: float,
) -> pd.DataFrame:
    """Tabulate the poison bench: what detectors find, and what filtering by them does.

    Parameters
    ----------
    experiments : see `tabulate_detection`
    trained, retrained : see `tabulate_filters`; without any the table has no networks
    share : see `tabulate_removal`
    """
    parts = [
        tabulate_detection(experiments, POISON, POISON_QUANTITIES),
        tabulate_removal(experiments, share),
    ]
    if retrained:
        parts.append(
            tabulate_filters(pd.concat(trained, ignore_index=True), pd.concat(retrained, ignore_index=True))
        )
    return stack_tables(parts).sort_values(
        ["setting", "poison", "detector"], kind="stable", ignore_index=True
    )


def stack_tables(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of the same columns below one another; one at least."""
    # A table without rows has no types, and would take them from the others.
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def read_shared_costs(paths: Iterable[Path], bench: Bench, step: str) -> pd.DataFrame:
    """Read what a step that detectors share costs each run, from Snakemake's benchmarks of its jobs.

    Parameters
    ----------
    paths : `benchmarks/*.tsv` in the folders of runs
    step : a key of `SHARED`

    Returns
    -------
    A row for each run: `bench`, `detector`, which is the step, and `seconds`, the sum over its jobs

    Raises
    ------
    InputError
        Where one is missing, or is no benchmark.
    """
    seconds: dict[Path, float] = {}
    for path in paths:
        try:
            duration = float(pd.read_csv(path, sep="\t")["s"].iloc[0])
        except FileNotFoundError:
            raise InputError(f"{path} does not exist") from None
        except (KeyError, ValueError, IndexError):
            raise InputError(f"{path} is no benchmark of Snakemake, which has a column s") from None
        run = path.parents[1]
        seconds[run] = seconds.get(run, 0.0) + duration
    return pd.DataFrame({"bench": bench, "detector": SHARED[step], "seconds": list(seconds.values())})


def summarize_costs(costs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Summarize what detectors, and the steps that they share, cost: the median over runs, and the extremes.

    Parameters
    ----------
    costs : tables with a row for each `bench`, `setting`, `poison`, `detector` and `seed`: `fit_seconds`,
        `score_seconds`, `peak_mb`, `n_scored`; and those of `read_shared_costs`

    Returns
    -------
    A row for each bench, detector and quantity: `bench`, `detector`, `quantity`, `value`, `lowest`,
    `highest`, `n`; `seconds` of a detector are those to fit and to score, `microseconds_a_row` are of scoring
    alone
    """
    columns = ["bench", "detector", "seconds", "fit_seconds", "score_seconds", "peak_mb", "n_scored"]
    joined = pd.concat([table.reindex(columns=columns) for table in costs] or [pd.DataFrame(columns=columns)])
    joined["seconds"] = joined["seconds"].fillna(joined["fit_seconds"] + joined["score_seconds"])
    joined["microseconds_a_row"] = 1e6 * joined["score_seconds"] / joined["n_scored"]
    table = [
        {"bench": bench, "detector": detector, "quantity": quantity, "value": values.median()}
        | {"lowest": values.min(), "highest": values.max(), "n": len(values)}
        for (bench, detector), rows in joined.groupby(["bench", "detector"])
        for quantity in COST_QUANTITIES
        if len(values := rows[quantity].dropna())
    ]
    return pd.DataFrame(table, columns=["bench", "detector", "quantity", "value", "lowest", "highest", "n"])
