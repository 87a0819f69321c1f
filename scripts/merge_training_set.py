"""Merge clean images and poison into the training split: the clean rows first, then the poison."""

import argparse
from functools import reduce
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_split
from layeraudit.splits import merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=Path, required=True)
    parser.add_argument("--poison", type=Path, nargs="*", default=[], help="none where nothing is poisoned")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    merged = reduce(merge, map(read_split, [arguments.clean, *arguments.poison]))
    write_split(arguments.output, merged)
    print(f"{len(merged)} training images, {merged.is_poison.sum()} of them poison")


if __name__ == "__main__":
    end_in_a_sentence(main)
