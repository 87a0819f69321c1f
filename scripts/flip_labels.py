"""Restore the source images of poison points, keeping the labels given: flipped labels without a gradient."""

import argparse
from dataclasses import replace
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.splits import restore_sources


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="images that the points were made of")
    parser.add_argument("--poison", type=Path, required=True, help="the points")
    parser.add_argument("--output-poison", type=Path, required=True, help="the split (.npz)")
    parser.add_argument(
        "--output-record", type=Path, required=True, help="as generate_poison writes it (.csv)"
    )
    arguments = parser.parse_args()

    points = read_split(arguments.poison)
    restored = replace(points, x=restore_sources(points, read_split(arguments.sources)))
    write_split(arguments.output_poison, restored)
    columns = ["row", "source", "y_true", "y", "distance", "moved"]
    labels = zip(restored.source.tolist(), restored.y_true.tolist(), restored.y.tolist(), strict=True)
    rows = [dict(zip(columns, (row, *of, 0.0, False), strict=True)) for row, of in enumerate(labels)]
    write_rows(arguments.output_record, columns, rows)
    print(f"{len(restored)} source images with flipped labels")


if __name__ == "__main__":
    end_in_a_sentence(main)
