"""Measure how long an audit takes: its data and its network's passes, and then all that is ours.

    PYTHONPATH=scripts python benchmarks/real_labels/measure_times.py --audit cifar10n_worse \
        --configfile benchmarks/real_labels/config.yaml --output docs/tables/real_label_times.csv

Environments and the data set's file are to be there, nothing of the audit, and nothing else is to run
beside it.
"""

import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd
import yaml

from layeraudit.cli import Input, Output, run
from layeraudit.provenance import describe_commit, name_processor
from layeraudit.tables import write_table

CORES = 2


def measure_times(*, audit: str, configfile: Input, output: Output) -> None:
    """Write the seconds of both parts by the clock, and of all processors together.

    audit : a name of the configuration's audits
    """
    variant = yaml.safe_load(configfile.read_text())["variant"]
    folder = f"results/{variant}/{audit}/seed1"
    parts = {
        "data and network": [f"{folder}/layers/{split}" for split in ("train", "calibration", "test")],
        "search, scores, controls and page": [f"results/audit/{audit}"],
    }
    cores = f"{name_processor()}, {CORES} cores"
    described = f"{date.today()}, {describe_commit(Path.cwd())}, {cores}, one run"
    rows = []
    for part, targets in parts.items():
        started, before = time.monotonic(), os.times()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "snakemake",
                "--cores",
                str(CORES),
                "--configfile",
                configfile,
                "--",
                *targets,
            ],
            check=True,
        )
        wall, after = time.monotonic() - started, os.times()
        processor = (
            after.children_user + after.children_system - before.children_user - before.children_system
        )
        rows.append({"audit": audit, "part": part, "seconds": wall, "processor_seconds": processor})
    write_table(output, pd.DataFrame(rows).assign(run=described), numbers="%.0f")


if __name__ == "__main__":
    run(measure_times)
