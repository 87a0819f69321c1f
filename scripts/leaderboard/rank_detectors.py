"""Rank the detectors of both benches, and compare them by pairs.

See `layeraudit.leaderboard.detector_ranks`. A bench without scores has no rows.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import write_table
from layeraudit.leaderboard.benches import EVASION, POISON, gather_blocks, stream_scores
from layeraudit.leaderboard.detector_ranks import rank_benches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--poison-scores", type=Path, nargs="*", default=[])
    parser.add_argument("--evasion-scores", type=Path, nargs="*", default=[])
    parser.add_argument("--ranks", type=Path, required=True)
    parser.add_argument("--comparisons", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    benches = {
        bench: gather_blocks(stream_scores(paths, bench), bench)
        for bench, paths in [(POISON, arguments.poison_scores), (EVASION, arguments.evasion_scores)]
    }
    ranks, comparisons = rank_benches(benches)
    write_table(arguments.ranks, ranks, arguments.run)
    write_table(arguments.comparisons, comparisons, arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
