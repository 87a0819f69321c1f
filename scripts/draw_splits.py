"""Draw the splits of one seed from a data set.

Writes one file for each split, with no image in two of them: `attack_sources` and `attack_validation` (what
the attacker has, of classes of its own) from the part of the data set that is named, `clean` (the clean
training images) and `pretraining` (those that the network is trained on before) from its training part,
`calibration` and `test` from its test part. Each is a simple random sample of what the ones before it have
left.
"""

from typing import Literal

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_arrays, write_split
from layeraudit.splits import draw_rows, take_clean


def draw_splits(
    *,
    dataset: Input,
    attack_sources: Output,
    attack_validation: Output,
    clean: Output,
    pretraining: Output,
    calibration: Output,
    test: Output,
    digits: list[int],
    attack_digits: list[int],
    attack_part: Literal["train", "test"],
    attack_sources_size: int,
    attack_validation_size: int,
    clean_size: int,
    pretraining_size: int,
    calibration_size: int,
    test_size: int,
    seed: int,
) -> None:
    """Write the splits.

    digits : classes of the model
    attack_digits : classes of the attack
    """
    x, y, n_train, classes = read_arrays(dataset, "x", "y", "n_train", "classes")
    parts = {"train": np.arange(n_train), "test": np.arange(n_train, len(y))}
    generator = np.random.default_rng(seed)
    of_attack = parts[attack_part][np.isin(y[parts[attack_part]], attack_digits)]
    sizes = {"attack_sources": attack_sources_size, "attack_validation": attack_validation_size}
    drawn = draw_rows(of_attack, sizes, generator)
    taken = np.concatenate(list(drawn.values()))
    for part, sizes in [
        ("train", {"clean": clean_size, "pretraining": pretraining_size}),
        ("test", {"calibration": calibration_size, "test": test_size}),
    ]:
        left = np.setdiff1d(parts[part], taken)
        drawn |= draw_rows(left[np.isin(y[left], digits)], sizes, generator)
    for path, (name, rows) in zip(
        (attack_sources, attack_validation, clean, pretraining, calibration, test), drawn.items(), strict=True
    ):
        write_split(path, take_clean(x, y, rows, len(classes)))
        print(f"{name}: {len(rows)} images")


if __name__ == "__main__":
    run(draw_splits)
