"""Score the rows of an experiment's runs by a detector, and measure what it costs.

In the poison bench the training rows are scored, by the labels that they were given; in the evasion bench the
split `evasion`, by the labels that the network predicts. Writes the `score` of every row of each seed (larger
is more suspicious), and a table of costs, a row a seed: seconds to fit and to score on one thread, and the
most memory that this program has taken so far, libraries and data included.
"""

import resource
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.cli import Input, Output, run
from layeraudit.detectors import Evidence
from layeraudit.dknn import count_nonconformity
from layeraudit.errors import InputError
from layeraudit.evidence import Files, read_evidence
from layeraudit.experiments import ADAPTIVE, CLEAN, OTHER_DATA
from layeraudit.files import atomic_write, open_layers, open_logits, read_split
from layeraudit.plugins import load, split_settings

UNKNOWN_CLASS = -1


def read_training_rows(training: Evidence, files: Files) -> tuple[pd.DataFrame, Evidence]:
    """Return what is known of the rows of the poison bench, and their evidence."""
    split = read_split(files.split)
    rows = pd.DataFrame({"y": split.y, "y_true": split.y_true, "is_poison": split.is_poison})
    return rows, training


def read_shown_rows(
    files: Files, record: Path, inputs: dict[str, dict[str, Any]], labels: NDArray[np.int64]
) -> tuple[pd.DataFrame, Evidence]:
    """Return what is known of the rows of the evasion bench, and their evidence.

    To be found are the images of other data, and those that make the network err: it is right on the image as
    it was, and errs on what became of it. Of the attack on DkNN it is DkNN's label that is right, and errs.

    Parameters
    ----------
    labels : int64 [n_train], those given to the training rows
    """
    split, shown = read_split(files.split), pd.read_csv(record)["input"]
    logits = open_logits(files.logits, rows=len(split))
    dnn_label = logits.argmax(axis=1).astype(np.int64)
    neighbours = list(open_layers(files.neighbours or Path(), np.int64, rows=len(split)).values())
    dknn_label = count_nonconformity(neighbours, labels, n_classes=logits.shape[1]).argmin(axis=1)
    others, at_dknn = (
        shown.isin([name for name, settings in inputs.items() if settings["method"] == method])
        for method in (OTHER_DATA, ADAPTIVE)
    )
    y_true = np.where(others, UNKNOWN_CLASS, split.y_true)
    rows = pd.DataFrame({"input": shown, "y_true": y_true, "dnn_label": dnn_label})
    clean, turned = (shown == CLEAN).to_numpy(), {}
    for name, label in (("network", dnn_label), ("dknn", dknn_label)):
        right_before = np.isin(split.source, split.source[clean & (label == y_true)])
        turned[name] = ~clean & right_before & (label != y_true)
    is_suspect = others | np.where(at_dknn, turned["dknn"], turned["network"])
    rows["is_suspect"] = is_suspect
    return rows, read_evidence(files, y=dnn_label, is_suspect=is_suspect.to_numpy())


def score_rows(
    detector: ModuleType,
    options: dict[str, Any],
    training: Evidence,
    calibration: Evidence,
    scored: Evidence,
    *,
    seed: int,
) -> tuple[np.ndarray, dict[str, object]]:
    """Fit the detector, score the rows, and return the scores and what they cost."""
    start = time.perf_counter()
    score = detector.fit(training, calibration, seed=seed, **options)
    fitted = time.perf_counter()
    scores: np.ndarray = score(scored)
    done = time.perf_counter()
    if scores.dtype != np.float64 or scores.shape != (len(scored),):
        raise InputError(
            f"{detector.__name__} returns scores {scores.dtype} {list(scores.shape)}, "
            f"allowed are float64 [{len(scored)}], one for each row of seed {seed}"
        )
    if not np.isfinite(scores).all():
        row = np.flatnonzero(~np.isfinite(scores))[0]
        raise InputError(
            f"{detector.__name__} scores row {row} of seed {seed} {scores[row]}, allowed are finite numbers"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost: dict[str, object] = {"fit_seconds": fitted - start, "score_seconds": done - fitted, "peak_mb": peak}
    of_suspects, of_others = (scores[scored.is_suspect == which] for which in (True, False))
    print(
        f"seed {seed}: median score {_median(of_suspects)} of the {len(of_suspects)} rows that are to be "
        f"found, {_median(of_others)} of the {len(of_others)} others",
        flush=True,
    )
    return scores, cost | {"n_training": len(training), "n_scored": len(scored)}


def _median(scores: np.ndarray) -> str:
    return f"{np.median(scores):.4g}" if len(scores) else "-"


def score_detector(
    *,
    train: list[Input],
    train_layers: list[Input],
    train_logits: list[Input],
    train_neighbours: list[Input],
    calibration: list[Input],
    calibration_layers: list[Input],
    calibration_logits: list[Input],
    calibration_neighbours: list[Input],
    evasion: list[Input],
    evasion_layers: list[Input],
    evasion_logits: list[Input],
    evasion_neighbours: list[Input],
    evasion_record: list[Input],
    scores: Output,
    costs: Output,
    bench: Literal["poison", "evasion"],
    setting: str,
    poison: str,
    detector: str,
    settings: dict[str, Any],
    inputs: dict[str, Any],
    seeds: list[int],
) -> None:
    """Write the scores of all rows, and the costs; of each kind of input there is a file a seed, or none.

    bench : what is scored
    setting, poison, detector : their names, for the tables
    settings : of the detector: `method`, and its options
    """
    method, options = split_settings(settings)
    plugin = load("detectors", method)
    tables, costs_of_seeds = [], []
    for number, seed in enumerate(seeds):

        def files(
            split: list[Path],
            layers: list[Path],
            logits: list[Path],
            neighbours: list[Path],
            at: int = number,
        ) -> Files:
            return Files(split[at], layers[at], logits[at], neighbours[at] if neighbours else None)

        of_training = files(train, train_layers, train_logits, train_neighbours)
        training = read_evidence(of_training)
        clean = read_evidence(
            files(calibration, calibration_layers, calibration_logits, calibration_neighbours),
            true_labels=True,
        )
        labels: dict[str, Any] = {"setting": setting}
        if bench == "poison":
            rows, scored = read_training_rows(training, of_training)
            labels["poison"] = poison
        else:
            shown = files(evasion, evasion_layers, evasion_logits, evasion_neighbours)
            rows, scored = read_shown_rows(shown, evasion_record[number], inputs, training.y)
            labels["input"] = rows.pop("input")
        found, cost = score_rows(plugin, options, training, clean, scored, seed=seed)
        labels |= {"detector": detector, "seed": seed, "row": np.arange(len(rows))}
        tables.append(pd.DataFrame(labels).join(rows).assign(score=found))
        costs_of_seeds.append(
            {"setting": setting, "poison": poison, "detector": detector, "seed": seed} | cost
        )
    with atomic_write(scores) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    with atomic_write(costs) as temporary:
        pd.DataFrame(costs_of_seeds).to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    run(score_detector)
