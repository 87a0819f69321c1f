"""Gather all that a model is shown into one split, and record which input each row is of."""

import argparse
from functools import reduce
from pathlib import Path

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.splits import merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=Path, nargs="+", required=True)
    parser.add_argument("--inputs", nargs="+", required=True, help="the name of each")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--output-record", type=Path, required=True, help="row, input")
    arguments = parser.parse_args()
    if len(arguments.inputs) != len(arguments.splits):
        raise InputError(f"{len(arguments.inputs)} inputs are named, allowed are {len(arguments.splits)}")

    splits = [read_split(path) for path in arguments.splits]
    write_split(arguments.output, reduce(merge, splits))
    named = [name for name, split in zip(arguments.inputs, splits, strict=True) for _ in range(len(split))]
    write_rows(
        arguments.output_record,
        ["row", "input"],
        ({"row": row, "input": name} for row, name in enumerate(named)),
    )


if __name__ == "__main__":
    end_in_a_sentence(main)
