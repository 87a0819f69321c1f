"""Tabulate the poison bench: how well detectors find poison, and what training without their suspects does.

Writes the table of `layeraudit.leaderboard.benches.tabulate_poison`.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.leaderboard.benches import POISON, gather_experiments, stream_scores, tabulate_poison
from layeraudit.tables import read_records, write_table


def tabulate_poison_bench(
    *,
    scores: list[Input],
    trained: list[Input],
    retrained: list[Input],
    table: Output,
    share: float,
    run: str,
) -> None:
    """Write the table of the poison bench.

    scores : a file an experiment and detector
    trained : networks of which no row was removed, a file an experiment
    retrained : networks of which rows were, a file an experiment and detector
    share : of the rows, which a filter removes at most
    run : settings of the run, which the table names
    """
    experiments = gather_experiments(stream_scores(scores, POISON), POISON)
    found = tabulate_poison(experiments, read_records(trained), read_records(retrained), share=share)
    write_table(table, found, run)


if __name__ == "__main__":
    run(tabulate_poison_bench)
