"""Restore the source images of poison points, whose labels stay: flipped labels in place of moved pixels.

Writes a split, and a record of it as `generate_poison` does.
"""

from dataclasses import replace

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.splits import restore_sources


def flip_labels(*, sources: Input, poison: Input, flips: Output, record: Output) -> None:
    """Write source images with the labels of the poison points that were made of them."""
    points = read_split(poison)
    restored = replace(points, x=restore_sources(points, read_split(sources)))
    write_split(flips, restored)
    columns = ["row", "source", "y_true", "y", "distance", "moved"]
    labels = zip(restored.source.tolist(), restored.y_true.tolist(), restored.y.tolist(), strict=True)
    rows = [dict(zip(columns, (row, *of, 0.0, False), strict=True)) for row, of in enumerate(labels)]
    write_rows(record, columns, rows)
    print(f"{len(restored)} source images with flipped labels")


if __name__ == "__main__":
    run(flip_labels)
