"""Score the rows of a bench's runs by a detector, and say what it costs.

In the poison bench the training rows are judged, by the labels that they were given; in the evasion bench
the split `evasion`, by the labels that the network gives. Writes the `score` of every row of each seed
(larger is more suspicious), and a table of costs, a row a seed: seconds to fit and to score on one thread,
and the most memory that this program has taken so far, libraries and data included.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.evidence import read_calibration, read_evidence, read_training
from layeraudit.experiments import ATTACKS, CLEAN
from layeraudit.files import open_matrix, read_split, atomic_write
from layeraudit.plugins import list_methods, load

NOT_OF_THESE_CLASSES = -1


def read_rows(bench: str, run: Path, layers: list[str]) -> pd.DataFrame:
    """Read what is known of the rows that are judged."""
    if bench == "poison":
        train = read_split(run / "data/train.npz")
        return pd.DataFrame({"y": train.y, "y_true": train.y_true, "is_poison": train.is_poison})
    evasion, record = read_split(run / "data/evasion.npz"), pd.read_csv(run / "evasion.csv")
    logits = open_matrix(run / f"layers/evasion/{layers[-1]}.npy", np.float32, rows=len(record))
    y_true = np.where(record["input"] == "other_data", NOT_OF_THESE_CLASSES, evasion.y_true)
    return pd.DataFrame({"input": record["input"], "y_true": y_true, "dnn_label": logits.argmax(axis=1)})


def judge(
    detector: ModuleType, bench: str, run: Path, rows: pd.DataFrame, arguments: argparse.Namespace
) -> tuple[np.ndarray, dict[str, object]]:
    """Fit the detector to a run and score its rows; give the scores and what they cost."""
    layers, poisoned = arguments.layers, bench == "poison"
    training = read_training(run, layers, with_neighbours=poisoned)
    calibration = read_calibration(run, layers)
    if poisoned:
        judged = training
    else:
        errs = rows["dnn_label"] != rows["y_true"]
        is_suspect = ((rows["input"] != CLEAN) & (errs | ~rows["input"].isin(ATTACKS))).to_numpy()
        judged = read_evidence(
            run,
            "evasion",
            layers,
            y=rows["dnn_label"].to_numpy(np.int64),
            is_suspect=is_suspect,
            x=read_split(run / "data/evasion.npz").x,
        )
    start = time.perf_counter()
    score = detector.fit(training, calibration, seed=arguments.seed_of[run], **arguments.options)
    fitted = time.perf_counter()
    scores = score(judged)
    scored = time.perf_counter()
    if scores.dtype != np.float64 or scores.shape != (len(judged),):
        raise InputError(
            f"{arguments.method} gives scores {scores.dtype} {list(scores.shape)}, "
            f"allowed are float64 [{len(judged)}], one for each row of {run}"
        )
    if not np.isfinite(scores).all():
        row = np.flatnonzero(~np.isfinite(scores))[0]
        raise InputError(
            f"{arguments.method} gives row {row} of {run} {scores[row]}, allowed are finite numbers"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"fit_seconds": fitted - start, "score_seconds": scored - fitted, "peak_mb": peak}
    of_suspects, of_others = (scores[judged.is_suspect == which] for which in (True, False))
    print(
        f"{run}: median score {_median(of_suspects)} of the {len(of_suspects)} rows that are to be found, "
        f"{_median(of_others)} of the {len(of_others)} others",
        flush=True,
    )
    return scores, cost | {"n_training": len(training), "n_scored": len(judged)}


def _median(scores: np.ndarray) -> str:
    return f"{np.median(scores):.4g}" if len(scores) else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", choices=["poison", "evasion"], required=True)
    parser.add_argument("--setting", required=True)
    parser.add_argument("--poison", default="", help="its name, in the poison bench")
    parser.add_argument("--detector", required=True, help="its name")
    parser.add_argument("--method", choices=list_methods("detectors"), required=True)
    parser.add_argument("--options", type=json.loads, required=True, help="of the method, as JSON")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders, one a seed")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="in the same order")
    parser.add_argument("--layers", nargs="+", required=True, help="from input to output")
    parser.add_argument("--output-scores", type=Path, required=True)
    parser.add_argument("--output-costs", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.seed_of = dict(zip(arguments.runs, arguments.seeds, strict=True))

    detector = load("detectors", arguments.method)
    tables, costs = [], []
    for run, seed in arguments.seed_of.items():
        rows = read_rows(arguments.bench, run, arguments.layers)
        scores, cost = judge(detector, arguments.bench, run, rows, arguments)
        names: dict[str, Any] = {"setting": arguments.setting}
        if arguments.bench == "poison":
            names["poison"] = arguments.poison
        else:
            names["input"] = rows.pop("input")
        names |= {"detector": arguments.detector, "seed": seed, "row": np.arange(len(rows))}
        tables.append(pd.DataFrame(names).join(rows).assign(score=scores))
        of_seed = {"setting": arguments.setting, "poison": arguments.poison}
        costs.append(of_seed | {"detector": arguments.detector, "seed": seed} | cost)
    with atomic_write(arguments.output_scores) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    with atomic_write(arguments.output_costs) as temporary:
        pd.DataFrame(costs).to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    end_in_a_sentence(main)
