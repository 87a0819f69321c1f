"""Summarise the results on one page, as Markdown, which the README quotes, and as HTML."""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import atomic_write
from layeraudit.provenance import list_runs
from layeraudit.report.summary import (
    summarise_adaptive,
    summarise_claims,
    summarise_detection,
    summarise_detectors,
    summarise_groups,
    summarise_inputs,
    summarise_table1,
    summarise_transfer,
    write_markdown,
    write_page,
)

TABLES = [
    *("claims", "experiment_1", "experiment_2_1", "detector", "table1", "table1_memorised"),
    *("table1_quarter", "table1_quarter_flips"),
    *("inputs", "transfer", "detection", "adaptive"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in TABLES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
    arguments = parser.parse_args()

    tables = {name: pd.read_csv(getattr(arguments, name)) for name in TABLES}
    sections = [
        summarise_claims("Claims", tables["claims"]),
        summarise_groups("Experiment 1, a network of clean images", tables["experiment_1"], "points"),
        summarise_groups("Experiment 2.1, poison in training", tables["experiment_2_1"], "evaluated"),
        summarise_detectors("Experiment 2.1, detectors of poison", tables["detector"]),
        summarise_table1("Table 1, trained as in the report", tables["table1"]),
        summarise_table1("Table 1, poison memorised", tables["table1_memorised"]),
        summarise_table1("Table 1, a quarter of poison", tables["table1_quarter"]),
        summarise_table1("Table 1, a quarter of flipped labels", tables["table1_quarter_flips"]),
        summarise_inputs("Deep k-nearest neighbours on MNIST", tables["inputs"]),
        summarise_transfer("Attacks that transfer", tables["transfer"]),
        summarise_detection("DkNN against attacks that transfer", tables["detection"]),
        summarise_adaptive("An attack that knows DkNN", tables["adaptive"]),
    ]
    runs = list_runs(tables.values())
    for path, text in [
        (arguments.markdown, write_markdown(sections, runs)),
        (arguments.page, write_page(sections, runs)),
    ]:
        with atomic_write(path) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    end_in_a_sentence(main)
