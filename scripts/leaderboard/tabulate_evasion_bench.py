"""Tabulate the evasion bench: how well detectors tell attacked and strange inputs from clean ones.

Writes the table of `layeraudit.leaderboard.benches.tabulate_detection`.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.leaderboard.benches import EVASION, gather_experiments, stream_scores, tabulate_detection
from layeraudit.tables import write_table


def tabulate_evasion_bench(*, scores: list[Input], table: Output, run: str) -> None:
    """Write the table of the evasion bench.

    scores : a file an experiment and detector
    run : settings of the run, which the table names
    """
    experiments = gather_experiments(stream_scores(scores, EVASION), EVASION)
    write_table(table, tabulate_detection(experiments, EVASION), run)


if __name__ == "__main__":
    run(tabulate_evasion_bench)
