"""Tabulate the bench of evasion: how well detectors tell attacked and strange inputs from clean ones.

See `layeraudit.leaderboard.benches`.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import write_table
from layeraudit.leaderboard.benches import EVASION, gather_blocks, stream_scores, tabulate_detection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scores", type=Path, nargs="*", default=[], help="a file an experiment and detector"
    )
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    blocks = gather_blocks(stream_scores(arguments.scores, EVASION), EVASION)
    write_table(arguments.table, tabulate_detection(blocks, EVASION), arguments.run)


if __name__ == "__main__":
    end_in_a_sentence(main)
