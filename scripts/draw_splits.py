"""Draw the splits of one seed from a data set.

Writes one file for each split, with no image in two of them: `attack_sources` and `attack_validation` (what
the attacker has, of classes of its own) from the part of the data set that is named, `clean` (the clean
training images) and `pretraining` (those that the network is trained on before) from its training part,
`calibration` and `test` from its test part. Each is a simple random sample of what the ones before it have
left.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_dataset, write_split
from layeraudit.splits import draw_rows, take_clean


def draw_splits(
    *,
    dataset: Input,
    sources: Output,
    validation: Output,
    clean: Output,
    pretraining: Output,
    calibration: Output,
    test: Output,
    classes: list[int] | None,
    attacker: dict[str, Any],
    clean_size: int | None,
    pretraining_size: int,
    calibration_size: int | None,
    test_size: int | None,
    seed: int,
) -> None:
    """Write the splits.

    classes : that the network is to tell apart; null is all
    attacker : `classes` and `part` of the attacker's images, and how many are `sources` and `validation`
    clean_size : null is all
    test_size : null is all that calibration leaves; where that is null too, each is half
    """
    images = read_dataset(dataset)
    n, n_train = len(images.y), images.n_train
    parts = {"train": np.arange(n_train), "test": np.arange(n_train, n)}
    generator = np.random.default_rng(seed)

    def choose(rows: NDArray[np.int64], labels: list[int] | None) -> NDArray[np.int64]:
        return rows if labels is None else rows[np.isin(images.y[rows], labels)]

    sizes = {name: attacker[name] for name in ("sources", "validation")}
    drawn = draw_rows(choose(parts[attacker["part"]], attacker["classes"]), sizes, generator)
    taken = np.concatenate(list(drawn.values()))
    of_parts: list[tuple[str, dict[str, int | None]]] = [
        ("train", {"train": clean_size, "pretraining": pretraining_size}),
        ("test", {"calibration": calibration_size, "test": test_size}),
    ]
    for part, wanted in of_parts:
        drawn |= draw_rows(choose(np.setdiff1d(parts[part], taken), classes), wanted, generator)
    outputs = (sources, validation, clean, pretraining, calibration, test)
    for path, (name, rows) in zip(outputs, drawn.items(), strict=True):
        write_split(path, take_clean(images.x, images.y, rows, len(images.classes)))
        print(f"{name}: {len(rows)} images")


if __name__ == "__main__":
    run(draw_splits)
