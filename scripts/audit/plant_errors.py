"""Plant label flips and a trigger in the training rows of an audit, for its network to be trained on."""

from layeraudit.audit.controls import plant_errors as plant
from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_split


def plant_errors(*, split: Input, output: Output, seed: int) -> None:
    """Write the training rows with errors in them.

    seed : draws rows and labels
    """
    planted = plant(read_split(split), seed=seed)
    write_split(output, planted)
    changed = int((planted.y != planted.y_true).sum())
    print(f"{changed} of {len(planted)} rows have another label, {planted.is_poison.sum()} of them a trigger")


if __name__ == "__main__":
    run(plant_errors)
