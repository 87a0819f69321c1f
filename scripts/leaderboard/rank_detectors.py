"""Rank the detectors of both benches, and compare them by pairs.

Writes the tables of `layeraudit.leaderboard.detector_ranks`. A bench without scores has no rows.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.leaderboard.benches import EVASION, POISON, gather_experiments, stream_scores
from layeraudit.leaderboard.detector_ranks import rank_benches
from layeraudit.tables import write_table


def rank_detectors(
    *, poison: list[Input], evasion: list[Input], ranks: Output, comparisons: Output, run: str
) -> None:
    """Write the ranks of the detectors, and the differences of each pair.

    poison : scores of the poison bench, a file an experiment and detector
    evasion : the same of the evasion bench
    run : settings of the run, which the tables name
    """
    tables = rank_benches(
        {
            bench: gather_experiments(stream_scores(paths, bench), bench)
            for bench, paths in [(POISON, poison), (EVASION, evasion)]
        }
    )
    for path, table in zip([ranks, comparisons], tables, strict=True):
        write_table(path, table, run)


if __name__ == "__main__":
    run(rank_detectors)
