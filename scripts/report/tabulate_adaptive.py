"""Tabulate how Deep k-nearest neighbours fares under an attack that knows it, beside published figures.

See `layeraudit.report.adaptive` for the columns.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import read_records, read_scores, write_table
from layeraudit.report.adaptive import make_claims, measure_attack, measure_clean, tabulate_attack
from layeraudit.report.dknn_against_transfer import set_threshold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for_each = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--records", help="of the attacks, a file a seed", **for_each)
    parser.add_argument("--scores", help="of the attacked images, likewise", **for_each)
    parser.add_argument("--test-scores", help="of the held-out images, likewise", **for_each)
    parser.add_argument("--calibration-scores", help="of calibration images, likewise", **for_each)
    parser.add_argument("--epsilons", type=float, nargs="+", required=True, help="radii in L-infinity")
    parser.add_argument("--as-published", action="store_true", help="set the published figures beside ours")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--claims", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    measured = []
    for record, scores, test, calibration in zip(
        read_records(arguments.records),
        arguments.scores,
        arguments.test_scores,
        arguments.calibration_scores,
        strict=True,
    ):
        threshold = set_threshold(read_scores([calibration])["credibility"].to_numpy())
        measured.append(measure_clean(read_scores([test]), threshold))
        measured.append(measure_attack(record, read_scores([scores]), threshold))
    by_seed = pd.concat(measured, ignore_index=True)
    write_table(arguments.table, tabulate_attack(by_seed, as_published=arguments.as_published), arguments.run)
    claims = make_claims(by_seed, arguments.epsilons if arguments.as_published else [])
    write_table(arguments.claims, claims, arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
