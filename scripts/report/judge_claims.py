"""Judge claims: the figure of each with its interval, and of the primary ones whether they hold."""

from typing import Any

from layeraudit.cli import Input, Output, run
from layeraudit.provenance import describe_result
from layeraudit.report import claims as of_report
from layeraudit.tables import read_table, write_table


def judge_claims(
    *,
    measures: list[Input],
    table: Output,
    claims: dict[str, Any],
    as_reported: list[str],
    runs: dict[str, str],
) -> None:
    """Write the table of claims.

    measures : tables of every seed
    as_reported : those whose experiment is the report's or a paper's, so that figures compare
    runs : which run each table is of
    """
    of_tables = {path.stem: read_table(path) for path in measures}
    judged = of_report.judge_claims(claims, of_tables, as_reported)
    described = {name: describe_result(of_table) for name, of_table in runs.items()}
    write_table(table, judged.assign(run=judged["table"].map(described)))


if __name__ == "__main__":
    run(judge_claims)
