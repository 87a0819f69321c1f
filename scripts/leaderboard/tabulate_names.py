"""Tabulate the names of detectors, poisons, inputs and settings, see `layeraudit.names`."""

import argparse
import json
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.names import list_names
from layeraudit.tables import write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--configuration",
        type=json.loads,
        required=True,
        help="its keys activations, benches, detectors and poisons, as JSON",
    )
    parser.add_argument("--table", type=Path, required=True)
    arguments = parser.parse_args()

    write_table(arguments.table, list_names(arguments.configuration))


if __name__ == "__main__":
    end_in_a_sentence(main)
