"""Measure what audits have found in networks that were trained on poison: a row an experiment and a figure.

    PYTHONPATH=scripts python benchmarks/backdoors/measure.py --results results \
        --output docs/tables/backdoored_networks.csv

Figures are means over seeds, with Student's t interval. README.md of this folder says how to run it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prepare import EXPERIMENTS, RUNS, SEEDS
from sklearn.metrics import roc_auc_score

from layeraudit.cli import run
from layeraudit.files import read_split
from layeraudit.provenance import name_processor
from layeraudit.statistics import figure_over_seeds
from layeraudit.tables import write_table

COUNTS = ("poison_rows", "rows_in_groups", "rows_flagged")
SCORES = ("label_score", "held_out_deficit", "outlier_score")


def measure_run(results: Path, experiment: str, seed: int) -> dict[str, float]:
    """Return what the audit of one run has found, each a share but for the numbers of rows."""
    audited = results / "backdoors" / f"{experiment}_seed{seed}" / "seed1"
    rows = pd.read_parquet(audited / "rows.parquet")
    given = read_split(results / RUNS["variant"] / experiment / f"seed{seed}" / "data" / "train.npz")
    is_poison = given.is_poison[rows["source"]]
    in_group, n = (rows["group"] >= 0).to_numpy(), int(is_poison.sum())
    figures = {"poison_rows": float(n), "rows_in_groups": float(in_group.sum())}
    figures["rows_flagged"] = float(rows["label_flagged"].sum())
    if n:
        first = (rows["label_rank"] <= n).to_numpy()
        figures["learned"] = float((rows["predicted"] == rows["label"])[is_poison].mean())
        figures["recall_of_groups"] = float(in_group[is_poison].mean())
        figures["recall_of_list"] = float(first[is_poison].mean())
        figures |= {f"auroc_{name}": float(roc_auc_score(is_poison, rows[name])) for name in SCORES}
        if in_group.any():
            figures["precision_of_groups"] = float(is_poison[in_group].mean())
    return figures


def tabulate(results: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each experiment and figure; precision is of the seeds that have a group."""
    for experiment, family in EXPERIMENTS.items():
        of_seeds = pd.DataFrame([measure_run(results, experiment, seed) for seed in SEEDS])
        for name in of_seeds:
            values = of_seeds[name].dropna()
            figure = figure_over_seeds(values, low=0, high=np.inf if name in COUNTS else 1)
            yield {"experiment": experiment, "family": family, "figure": name} | figure


def measure(*, results: Path, output: Path) -> None:
    """Write the table.

    results : of the leaderboard's runs, and of the audits of `prepare.py`
    """
    table = pd.DataFrame(tabulate(results))
    first = next(iter(EXPERIMENTS))
    of = json.loads((results / "audit" / f"{first}_seed{SEEDS[0]}" / "audit.json").read_text())["provenance"]
    machine = f"{name_processor()}, {os.cpu_count()} cores"
    settings = f"seeds {SEEDS[0]} to {SEEDS[-1]}, k = {of['k']}, {of['metric']}"
    write_table(output, table.assign(run=f"{of['date']}, {of['commit']}, {machine}, {settings}"))


if __name__ == "__main__":
    run(measure)
