"""Aggregate the scores of all seeds into the report's Table 1.

Evaluated points are the held-out images and the poison points. See `layeraudit.report.experiment_2_2` for
the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.report.experiment_2_2 import tabulate_table1
from layeraudit.tables import read_scores, read_table, write_table


def aggregate_table1(
    *,
    train: list[Input],
    test: list[Input],
    reported: Input | None = None,
    table: Output,
    layers: list[str],
    k: int,
    run: str,
) -> None:
    """Write the share of poison among the neighbours, by group and layer.

    train : scores, a file a seed
    test : scores, in the same order
    reported : the report's figures, which stand beside ours
    layers : from input to output
    """
    scores = read_scores(train)
    evaluated = pd.concat([read_scores(test), scores[scores["is_poison"]]], ignore_index=True)
    figures = None if reported is None else read_table(reported)
    write_table(table, tabulate_table1(evaluated, layers, k, figures), run, numbers="%.2f")


if __name__ == "__main__":
    run(aggregate_table1)
