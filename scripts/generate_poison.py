"""Generate poison points against a support vector machine, and a record of how far each has moved.

Out come the points, a split whose `y` is the label given and `y_true` that of the source image, and a
table of them: row, source, y_true, y, distance (L2, from the source image), moved (whether the solver took
a step at all). The attack is secml's, see `layeraudit.poisons.secml_gradient`.
"""

from typing import Literal

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows, write_split


def generate_poison(
    *,
    train: Input,
    validation: Input,
    poison: Output,
    record: Output,
    points: int,
    radius: float,
    distance: Literal["l2"],
    bounds: list[float],
    kernel: Literal["linear"],
    regularization: float,
    eta: float,
    eta_min: float,
    eta_max: float | None,
    max_iterations: int,
    tolerance: float,
    seed: int,
) -> None:
    """Write poison points and their record.

    train : images of two digits that become poison
    validation : images that the attack makes the machine err on
    bounds : lowest and highest pixel
    regularization : the machine's C
    eta : grid of the line search
    seed : draws the source images and the first noise
    """
    # Here, so that the signature can be read where there is no secml.
    from layeraudit.poisons.secml_gradient import poison_svm

    validation_images = read_split(validation)
    made = poison_svm(
        read_split(train),
        validation_images,
        points=points,
        radius=radius,
        distance=distance,
        bounds=(bounds[0], bounds[1]),
        kernel=kernel,
        regularization=regularization,
        eta=eta,
        eta_min=eta_min,
        eta_max=eta_max,
        max_iterations=max_iterations,
        tolerance=tolerance,
        seed=seed,
    )
    columns = {
        "row": range(len(made.points)),
        "source": made.points.source.tolist(),
        "y_true": made.points.y_true.tolist(),
        "y": made.points.y.tolist(),
        "distance": made.distance.tolist(),
        "moved": made.moved.tolist(),
    }
    write_split(poison, made.points)
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    write_rows(record, list(columns), rows)
    print(
        f"{made.moved.sum()} of {points} points moved; the machine's accuracy on the "
        f"{len(validation_images)} validation images: {made.clean_accuracy:.3f} without the points, "
        f"{made.poisoned_accuracy:.3f} with them"
    )


if __name__ == "__main__":
    run(generate_poison)
