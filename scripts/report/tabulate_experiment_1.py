"""Tabulate experiment 1: what a DkNN of clean images says of clean images and of poison points.

Writes the table, and the report's claims with their tests. See `layeraudit.report.experiment_1`.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.report.experiment_1 import make_claims, read_points, tabulate_credibility
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import write_table


def tabulate_experiment_1(
    *,
    test: list[Input],
    poison: list[Input],
    records: list[Input],
    table: Output,
    claims: Output,
    as_reported: bool,
    run: str,
) -> None:
    """Write the table and the claims.

    test : scores of held-out images, a file a seed
    poison : scores, set after set by seed
    records : of the poison, likewise
    as_reported : whether the experiment is the report's, whose figures then stand beside ours
    """
    points = read_points(test, poison, records)
    write_table(table, tabulate_credibility(points, as_reported=as_reported), run)
    write_table(claims, tabulate_claims(make_claims(points, as_reported=as_reported)), run)


if __name__ == "__main__":
    run(tabulate_experiment_1)
