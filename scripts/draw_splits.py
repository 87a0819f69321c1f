"""Draw the splits of one seed from a data set.

Writes one file for each split, with no image in two of them: `attack_sources` and `attack_validation` (what
the attacker has, of classes of its own) from the part of the data set that is named, `clean` (the clean
training images) and `pretraining` (those that the network is trained on before) from its training part,
`calibration` and `test` from its test part. Each is a simple random sample of what the ones before it have
left.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_arrays, write_split
from layeraudit.splits import draw_rows, take_clean

OF_THE_ATTACK = ["attack_sources", "attack_validation"]
OF_THE_MODEL = {"train": ["clean", "pretraining"], "test": ["calibration", "test"]}
NAMES = [*OF_THE_ATTACK, *OF_THE_MODEL["train"], *OF_THE_MODEL["test"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--digits", type=int, nargs="+", required=True, help="of the model")
    parser.add_argument("--attack-digits", type=int, nargs="+", required=True, help="of the attack")
    parser.add_argument("--attack-part", choices=OF_THE_MODEL, required=True)
    for name in NAMES:
        option = name.replace("_", "-")
        parser.add_argument(f"--{option}-size", type=int, required=True, metavar="IMAGES")
        parser.add_argument(f"--{option}", type=Path, required=True, help="file to write")
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    sizes = {name: getattr(arguments, f"{name}_size") for name in NAMES}

    x, y, n_train = read_arrays(arguments.dataset, "x", "y", "n_train")
    rows = {"train": np.arange(n_train), "test": np.arange(n_train, len(y))}
    generator = np.random.default_rng(arguments.seed)
    part = rows[arguments.attack_part]
    of_the_attack = part[np.isin(y[part], arguments.attack_digits)]
    drawn = draw_rows(of_the_attack, {name: sizes[name] for name in OF_THE_ATTACK}, generator)
    for part_name, names in OF_THE_MODEL.items():
        left = np.setdiff1d(rows[part_name], np.concatenate([drawn[name] for name in OF_THE_ATTACK]))
        left = left[np.isin(y[left], arguments.digits)]
        drawn |= draw_rows(left, {name: sizes[name] for name in names}, generator)
    for name in NAMES:
        write_split(getattr(arguments, name), take_clean(x, y, drawn[name]))
        print(f"{name}: {len(drawn[name])} images")


if __name__ == "__main__":
    end_in_a_sentence(main)
