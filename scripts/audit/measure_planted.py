"""Measure how many of the errors that a network was trained on its audit finds.

Writes the table of `layeraudit.audit.controls.measure_planted`.
"""

from layeraudit.audit.controls import measure_planted as measure
from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split
from layeraudit.tables import read_parquet, write_table


def measure_planted(*, split: Input, rows: Input, table: Output, seed: int) -> None:
    """Write recall, precision and AUROC of each detector.

    split : the training rows, planted ones among them
    rows : what `judge_rows` wrote of them
    seed : draws the resamples of intervals
    """
    write_table(table, measure(read_split(split), read_parquet(rows), seed=seed))


if __name__ == "__main__":
    run(measure_planted)
