"""Summarise the results on one page of Markdown, which the README quotes."""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import written_whole
from layeraudit.tables.summary import summarise_claims, summarise_inputs, summarise_table1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--table1", type=Path, required=True)
    parser.add_argument("--table1-memorised", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    parts = [
        ("Claims", summarise_claims(pd.read_csv(arguments.claims))),
        ("Table 1", summarise_table1(pd.read_csv(arguments.table1))),
        ("Table 1 after longer training", summarise_table1(pd.read_csv(arguments.table1_memorised))),
        ("Deep k-nearest neighbours on MNIST", summarise_inputs(pd.read_csv(arguments.inputs))),
    ]
    with written_whole(arguments.output) as temporary:
        temporary.write_text("\n\n".join(f"## {title}\n\n{table}" for title, table in parts) + "\n")


if __name__ == "__main__":
    end_in_a_sentence(main)
