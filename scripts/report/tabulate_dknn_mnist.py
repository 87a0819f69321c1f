"""Tabulate the results of the paper on Deep k-nearest neighbours on MNIST, beside its own figures.

Writes four tables: accuracy and credibility of each kind of input, reliability, validity of the p-values, and
the paper's claims with their tests. See `layeraudit.report.dknn_mnist` for the columns.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_arrays
from layeraudit.tables import read_scores, write_table
from layeraudit.report.dknn_mnist import (
    INPUTS,
    make_claims,
    tabulate_inputs,
    tabulate_reliability,
    tabulate_validity,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in INPUTS:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=Path, nargs="+", required=True, help="scores, a file a seed")
    parser.add_argument("--calibration", type=Path, nargs="+", required=True, help="a file a seed")
    parser.add_argument(
        "--settings", nargs="*", default=[], help="how inputs were made: a name, =, and words, for each"
    )
    parser.add_argument(
        "--as-published", nargs="*", default=[], help="inputs made as in the paper, set beside its figures"
    )
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--inputs-table", type=Path, required=True)
    parser.add_argument("--reliability-table", type=Path, required=True)
    parser.add_argument("--validity-table", type=Path, required=True)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    scores = {name: read_scores(getattr(arguments, name)) for name in INPUTS}
    calibrations = [read_arrays(path, "nonconformity")[0] for path in arguments.calibration]
    settings = dict(text.split("=", 1) for text in arguments.settings)
    of_paper = {"as_published": arguments.as_published}
    write_table(
        arguments.inputs_table, tabulate_inputs(scores, calibrations, settings, **of_paper), arguments.run
    )
    write_table(
        arguments.reliability_table, tabulate_reliability(scores, calibrations, **of_paper), arguments.run
    )
    write_table(
        arguments.validity_table, tabulate_validity(scores["test"], calibrations, arguments.k), arguments.run
    )
    write_table(arguments.claims, make_claims(scores, calibrations, **of_paper), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
