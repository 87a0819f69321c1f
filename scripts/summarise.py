"""Summarise the results on one page, as Markdown, which the README quotes, and as HTML."""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import written_whole
from layeraudit.tables.summary import (
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--experiment-1", type=Path, required=True)
    parser.add_argument("--experiment-2-1", type=Path, required=True)
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--table1", type=Path, required=True)
    parser.add_argument("--table1-memorised", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--transfer", type=Path, required=True)
    parser.add_argument("--detection", type=Path, required=True)
    parser.add_argument("--adaptive", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
    arguments = parser.parse_args()

    sections = [
        summarise_claims("Claims", pd.read_csv(arguments.claims)),
        summarise_groups(
            "Experiment 1, a network of clean images", pd.read_csv(arguments.experiment_1), "points"
        ),
        summarise_groups(
            "Experiment 2.1, poison in training", pd.read_csv(arguments.experiment_2_1), "evaluated"
        ),
        summarise_detectors("Experiment 2.1, detectors of poison", pd.read_csv(arguments.detector)),
        summarise_table1("Table 1, trained as in the report", pd.read_csv(arguments.table1)),
        summarise_table1("Table 1, poison memorised", pd.read_csv(arguments.table1_memorised)),
        summarise_inputs("Deep k-nearest neighbours on MNIST", pd.read_csv(arguments.inputs)),
        summarise_transfer("Attacks that transfer", pd.read_csv(arguments.transfer)),
        summarise_detection("DkNN against attacks that transfer", pd.read_csv(arguments.detection)),
        summarise_adaptive("An attack that knows DkNN", pd.read_csv(arguments.adaptive)),
    ]
    for path, text in [
        (arguments.markdown, write_markdown(sections)),
        (arguments.page, write_page(sections)),
    ]:
        with written_whole(path) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    end_in_a_sentence(main)
