"""Generate poison points against a support vector machine, and a record of how far each has moved.

Out come the points, a split whose `y` is the label given and `y_true` that of the source image, and a
table of them: row, source, y_true, y, distance (L2, from the source image), moved (whether the solver took
a step at all). The attack is secml's, see `layeraudit.poisons.secml_gradient`.
"""

import argparse
import csv
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_split, written_whole
from layeraudit.poisons.secml_gradient import poison_svm


def number_or_none(text: str) -> float | None:
    return None if text.lower() == "none" else float(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True, help="images of two digits that become poison")
    parser.add_argument("--validation", type=Path, required=True, help="images that the attack errs on")
    parser.add_argument("--points", type=int, required=True, help="how many")
    parser.add_argument("--radius", type=float, required=True, help="farthest from the source image")
    parser.add_argument("--distance", choices=["l2"], required=True, help="norm of the radius")
    parser.add_argument("--bounds", type=float, nargs=2, required=True, help="lowest and highest pixel")
    parser.add_argument("--kernel", choices=["linear"], required=True, help="of the machine")
    parser.add_argument("--regularization", type=float, required=True, help="the machine's C")
    parser.add_argument("--eta", type=float, required=True, help="grid of the line search")
    parser.add_argument("--eta-min", type=float, required=True, help="first step of the line search")
    parser.add_argument("--eta-max", type=number_or_none, required=True, help="longest step, or none")
    parser.add_argument("--max-iterations", type=int, required=True, help="steps of the solver a point")
    parser.add_argument("--tolerance", type=float, required=True, help="gain in a step that ends the solver")
    parser.add_argument("--seed", type=int, required=True, help="draws the source images and the first noise")
    parser.add_argument("--output-poison", type=Path, required=True, help="the points (.npz)")
    parser.add_argument("--output-record", type=Path, required=True, help="the table (.csv)")
    settings = vars(parser.parse_args())
    output_poison, output_record = settings.pop("output_poison"), settings.pop("output_record")
    train, validation = read_split(settings.pop("train")), read_split(settings.pop("validation"))

    poisoning = poison_svm(train, validation, **settings)

    points = poisoning.points
    write_split(output_poison, points)
    with written_whole(output_record) as temporary, temporary.open("w", newline="") as file:
        record = csv.writer(file, lineterminator="\n")
        record.writerow(["row", "source", "y_true", "y", "distance", "moved"])
        columns = (points.source, points.y_true, points.y, poisoning.distance, poisoning.moved)
        record.writerows(zip(range(len(points)), *(column.tolist() for column in columns), strict=True))
    print(
        f"{poisoning.moved.sum()} of {len(points)} points moved; the machine's accuracy on the "
        f"{len(validation)} validation images: {poisoning.clean_accuracy:.3f} without the points, "
        f"{poisoning.poisoned_accuracy:.3f} with them"
    )


if __name__ == "__main__":
    end_in_a_sentence(main)
