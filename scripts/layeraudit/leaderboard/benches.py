"""The benches of detectors: how well each finds poison, and inputs that a network errs on, and at what cost.

A detector gives every row a score, larger for what it suspects more; `layeraudit.detection` says what is
measured of the scores and how its intervals are made. The controls, `random`, which knows nothing, and
`perfect`, which knows all, are shown beside the detectors; they have no rank and no part in tests.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.detection import (
    QUANTITIES,
    Block,
    interval_of_resamples,
    measure_block,
    name_interval,
    resample_block,
)
from layeraudit.errors import InputError
from layeraudit.experiments import ATTACKS, CLEAN, RANDOM, UNFILTERED
from layeraudit.leaderboard.removal import choose_removed
from layeraudit.statistics import BETWEEN_SEEDS, average_over_seeds

POISON, EVASION = "poison", "evasion"
BENCHES = (POISON, EVASION)

KIND = {POISON: "poison", EVASION: "input"}
"""What tells the experiments of a setting apart, of each bench; the name of its column."""

SCORE_COLUMNS = {
    POISON: ["setting", "poison", "detector", "seed", "row", "is_poison", "score"],
    EVASION: ["setting", "input", "detector", "seed", "row", "y_true", "dnn_label", "score"],
}

EXPERIMENT = ["setting", "poison"]

POISON_QUANTITIES = QUANTITIES[:3]

FIGURE_COLUMNS = [
    "quantity",
    "value",
    "ci95_low",
    "ci95_high",
    "interval",
    "n_points",
    "n_positives",
    "n_seeds",
]

SHARED = {"capture": "shared: capture", "search": "shared: search"}
"""Steps that detectors share, as the table of costs names them in the place of a detector."""

COST_QUANTITIES = ("seconds", "fit_seconds", "score_seconds", "microseconds_a_row", "peak_mb")


class Piece(NamedTuple):
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


def stream_scores(paths: Iterable[Path], bench: str) -> Iterator[pd.DataFrame]:
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


def gather_blocks(tables: Iterable[pd.DataFrame], bench: str) -> list[Block]:
    """Put what all detectors of a bench say of the same rows side by side.

    Parameters
    ----------
    tables : with the columns of `SCORE_COLUMNS`; one may hold several detectors, settings and seeds

    Returns
    -------
    A block for each experiment, in the order of their names; seeds that have nothing to find, or nothing
    else, are left out, and with them experiments that have no other

    Raises
    ------
    InputError
        Where a detector lacks an experiment or a seed of it that others have, or was shown other rows.
    """
    split = _split_poison if bench == POISON else _split_inputs
    truths: dict[tuple[str, str, int], Piece] = {}
    scores: dict[tuple[str, str, int], dict[str, NDArray[np.float64]]] = {}
    for table in tables:
        for piece in split(table):
            if piece.positive.all() or not piece.positive.any():
                continue
            key = piece.setting, piece.kind, piece.seed
            first = truths.setdefault(key, piece._replace(scores=np.empty(0)))
            known = scores.setdefault(key, {})
            same = all(
                np.array_equal(*pair) for pair in [(piece.rows, first.rows), (piece.positive, first.positive)]
            )
            if not same or piece.detector in known:
                fault = "has other rows than " + first.detector if not same else "is there twice"
                raise InputError(
                    f"{piece.detector} {fault} in {piece.setting} {piece.kind}, seed {piece.seed}"
                )
            known[piece.detector] = piece.scores
    detectors = sorted({detector for of_seed in scores.values() for detector in of_seed})
    for (setting, kind, seed), of_seed in scores.items():
        if missing := [detector for detector in detectors if detector not in of_seed]:
            raise InputError(
                f"{missing[0]} has no scores of {setting} {kind}, seed {seed}, "
                f"allowed are detectors that have scores of all experiments and seeds of the bench"
            )
    blocks = []
    for setting, kind in sorted({key[:2] for key in scores}):
        of_setting = sorted({key[2] for key in scores if key[0] == setting})
        seeds = sorted(key[2] for key in scores if key[:2] == (setting, kind))
        of_seeds = [scores[setting, kind, seed] for seed in seeds]
        blocks.append(
            Block(
                setting,
                kind,
                tuple(detectors),
                tuple(seeds),
                tuple(of_setting),
                tuple(np.stack([of_seed[detector] for detector in detectors]) for of_seed in of_seeds),
                tuple(truths[setting, kind, seed].positive for seed in seeds),
            )
        )
    return blocks


def _split_poison(table: pd.DataFrame) -> Iterator[Piece]:
    for (setting, poison, detector, _), rows in table.groupby(["setting", "poison", "detector", "seed"]):
        rows = rows.sort_values("row", kind="stable")
        columns = (rows[name].to_numpy() for name in ("row", "is_poison", "score"))
        yield Piece(str(setting), str(poison), int(rows["seed"].iloc[0]), str(detector), *columns)


def _split_inputs(table: pd.DataFrame) -> Iterator[Piece]:
    for (setting, detector, _), of_seed in table.groupby(["setting", "detector", "seed"]):
        seed = int(of_seed["seed"].iloc[0])
        inputs = {
            str(name): rows.sort_values("row", kind="stable") for name, rows in of_seed.groupby("input")
        }
        if CLEAN not in inputs:
            raise InputError(f"{detector} has no {CLEAN} images in {setting}, seed {seed}")
        clean = inputs.pop(CLEAN)
        for name, rows in inputs.items():
            found = rows[rows["dnn_label"] != rows["y_true"]] if name in ATTACKS else rows
            both = pd.concat([clean, found])
            row, score = (both[column].to_numpy() for column in ("row", "score"))
            yield Piece(
                str(setting), name, seed, str(detector), row, np.arange(len(both)) >= len(clean), score
            )


def tabulate_detection(
    blocks: Iterable[Block], bench: str, quantities: Sequence[str] = QUANTITIES
) -> pd.DataFrame:
    """Tabulate how well each detector finds what is to be found in each experiment.

    Returns
    -------
    A row for each block, detector and quantity: `setting`, `poison` or `input`, `detector`, and
    `FIGURE_COLUMNS`; the value is the mean over seeds
    """
    table: list[dict[str, Any]] = []
    for block in blocks:
        figures = measure_block(block, quantities)
        intervals = {
            quantity: interval_of_resamples(resampled)
            for quantity, resampled in resample_block(block, bench, quantities).items()
        }
        for at, detector in enumerate(block.detectors):
            for quantity in quantities:
                low, high = intervals[quantity][:, at]
                value = figures[quantity][at].mean()
                table.append(
                    {"setting": block.setting, KIND[bench]: block.kind, "detector": detector}
                    | {"quantity": quantity, "value": value}
                    # Of few rows resamples may all lie on one side of a figure that is not linear in them.
                    | {"ci95_low": min(low, value), "ci95_high": max(high, value)}
                    | {"interval": name_interval(len(block.seeds))}
                    | {"n_points": sum(map(len, block.positive))}
                    | {"n_positives": sum(int(positive.sum()) for positive in block.positive)}
                    | {"n_seeds": len(block.seeds)}
                )
    return pd.DataFrame(table, columns=["setting", KIND[bench], "detector", *FIGURE_COLUMNS])


def tabulate_removal(blocks: Iterable[Block], share: float) -> pd.DataFrame:
    """Tabulate the shares of the poison and of the clean rows that each detector removes as a filter.

    Parameters
    ----------
    blocks : of the poison bench
    share : of all rows, which a filter may remove

    Returns
    -------
    A row for each block, detector, and quantity `poison_removed` or `clean_removed`: `setting`, `poison`,
    `detector`, and `FIGURE_COLUMNS`; `n_points` counts the poison, or the clean rows, of all seeds
    """
    by_seed = []
    for block in blocks:
        for at, detector in enumerate(block.detectors):
            for seed, scores, positive in zip(block.seeds, block.scores, block.positive, strict=True):
                removed = choose_removed(detector, scores[at], positive, share, seed=seed)
                for quantity, rows in {"poison_removed": positive, "clean_removed": ~positive}.items():
                    names = (block.setting, block.kind, detector, quantity)
                    by_seed.append((*names, removed[rows].mean(), int(rows.sum()), int(positive.sum())))
    columns = [*EXPERIMENT, "detector", "quantity", "value", "n_points", "n_positives"]
    return _average(pd.DataFrame(by_seed, columns=columns))


def _average(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Average figures of filters over the seeds, sorted by experiment and detector."""
    bounds = {"*_change": (-1.0, 1.0), "*_against_random": (-1.0, 1.0)}
    keys = [*EXPERIMENT, "detector", "quantity"]
    table = average_over_seeds(by_seed, keys, bounds, interval=BETWEEN_SEEDS, more={"n_positives": sum})
    return table.sort_values(keys[:3], kind="stable")[[*keys[:3], *FIGURE_COLUMNS]]


def tabulate_filters(trained: pd.DataFrame, retrained: pd.DataFrame) -> pd.DataFrame:
    """Tabulate what the network is like that was trained on what each detector leaves as a filter.

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
    blocks: Sequence[Block],
    trained: Sequence[pd.DataFrame],
    retrained: Sequence[pd.DataFrame],
    *,
    share: float,
) -> pd.DataFrame:
    """Tabulate the bench of poison: what detectors find, and what filtering by them does.

    Parameters
    ----------
    blocks : see `tabulate_detection`
    trained, retrained : see `tabulate_filters`; of none, nothing is said of networks
    share : see `tabulate_removal`
    """
    parts = [tabulate_detection(blocks, POISON, POISON_QUANTITIES), tabulate_removal(blocks, share)]
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


def read_shared_costs(paths: Iterable[Path], bench: str, step: str) -> pd.DataFrame:
    """Read what a step costs each run before any detector starts, from Snakemake's benchmarks of its jobs.

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


def tabulate_cost(costs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tabulate what detectors, and the steps that they share, cost: the median over runs, and the extremes.

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
