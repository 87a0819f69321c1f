"""Tabulate measures: the mean of each figure over the seeds, with its interval, beside reported figures."""

from layeraudit.cli import Input, Output, run
from layeraudit.report import measures as of_report
from layeraudit.tables import read_table, write_table


def tabulate(*, measures: Input, reported: Input | None = None, table: Output, run: str) -> None:
    """Write the table.

    measures : of every seed
    reported : figures of the report or of a paper that stand beside ours
    """
    figures = None if reported is None else read_table(reported)
    write_table(table, of_report.tabulate(read_table(measures), figures), run)


if __name__ == "__main__":
    run(tabulate)
