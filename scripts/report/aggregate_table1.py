"""Aggregate the scores of all seeds into the report's Table 1.

Evaluated points are the held-out images and the poison points. See `layeraudit.report.experiment_2_2` for
the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.report.experiment_2_2 import tabulate_poisoned_neighbours
from layeraudit.tables import read_scores, write_table


def aggregate_table1(
    *,
    train: list[Input],
    test: list[Input],
    table: Output,
    layers: list[str],
    k: int,
    as_reported: bool,
    run: str,
) -> None:
    """Write the share of poison among the neighbours, by group and layer.

    train : scores, a file a seed
    test : scores, in the same order
    layers : from input to output
    as_reported : whether the experiment is the report's, whose figures then stand beside ours
    """
    scores = read_scores(train)
    evaluated = pd.concat([read_scores(test), scores[scores["is_poison"]]], ignore_index=True)
    shares = tabulate_poisoned_neighbours(evaluated, layers, k, as_reported=as_reported)
    write_table(table, shares, run, numbers="%.2f")


if __name__ == "__main__":
    run(aggregate_table1)
