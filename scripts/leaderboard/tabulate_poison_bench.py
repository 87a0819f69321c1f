"""Tabulate the bench of poison: how well detectors find it, and what training without what they suspect does.

See `layeraudit.leaderboard.benches`.
"""

import argparse
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.tables import read_records, write_table
from layeraudit.leaderboard.benches import POISON, gather_blocks, stream_scores, tabulate_poison


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scores", type=Path, nargs="*", default=[], help="a file an experiment and detector"
    )
    parser.add_argument(
        "--trained", type=Path, nargs="*", default=[], help="nothing removed, a file an experiment"
    )
    parser.add_argument(
        "--retrained", type=Path, nargs="*", default=[], help="a file an experiment and detector"
    )
    parser.add_argument("--removed", type=float, required=True, help="share of the rows, at most")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--run", required=True, help="settings of the run, which the result names")
    arguments = parser.parse_args()

    blocks = gather_blocks(stream_scores(arguments.scores, POISON), POISON)
    trained, retrained = read_records(arguments.trained), read_records(arguments.retrained)
    write_table(
        arguments.table, tabulate_poison(blocks, trained, retrained, share=arguments.removed), arguments.run
    )


if __name__ == "__main__":
    end_in_a_sentence(main)
