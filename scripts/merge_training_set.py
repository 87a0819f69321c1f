"""Put the poison points of a run, if it has any, after its clean training images."""

from functools import reduce

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_split
from layeraudit.splits import merge


def merge_training_set(*, clean: Input, poison: list[Input], output: Output) -> None:
    """Write the training set."""
    merged = reduce(merge, map(read_split, [clean, *poison]))
    write_split(output, merged)
    print(f"{len(merged)} training images, {merged.is_poison.sum()} of them poison")


if __name__ == "__main__":
    run(merge_training_set)
