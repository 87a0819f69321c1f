"""Aggregate the scores of all seeds into the report's Table 1.

Evaluated points are the held-out images and the poison points. See `layeraudit.tables` for the columns.
"""

import argparse
from pathlib import Path

import pandas as pd

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import written_whole
from layeraudit.tables import tabulate_poisoned_neighbours


def read_scores(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ValueError as error:
        raise InputError(f"{path} is not a whole .parquet file: {error}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="scores, a file a seed")
    parser.add_argument(
        "--test", type=Path, nargs="+", required=True, help="scores, in the same order of seeds"
    )
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    scores = []
    for seed, (train, test) in enumerate(zip(arguments.train, arguments.test, strict=True)):
        of_train = read_scores(train)
        evaluated = pd.concat([read_scores(test), of_train[of_train["is_poison"]]])
        scores.append(evaluated.assign(seed=seed))
    table = tabulate_poisoned_neighbours(pd.concat(scores, ignore_index=True), arguments.layers, arguments.k)
    with written_whole(arguments.output) as temporary:
        table.to_csv(temporary, index=False, float_format="%.2f", lineterminator="\n")
    print(table.to_string(index=False, float_format="%.2f"))


if __name__ == "__main__":
    end_in_a_sentence(main)
