"""Judge all claims: whether each holds, with p-values corrected for their number."""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.statistics import judge_claims as judge
from layeraudit.tables import read_records, write_table


def judge_claims(*, claims: list[Input], table: Output) -> None:
    """Write the verdict on each claim.

    claims : tests of claims, a table an experiment
    """
    # A table without claims has no types, and would take them from the others.
    tested = [of_experiment for of_experiment in read_records(claims) if len(of_experiment)]
    write_table(table, judge(pd.concat(tested, ignore_index=True)))


if __name__ == "__main__":
    run(judge_claims)
