"""Make the poison of a training set, and what is to show that it works.

The method is a module of `layeraudit.poisons`. Out come two splits: the poison points, whose `y` is the label
given, and the probe, test images as the attacker shows them, whose `y` is the label that he wants the network
to give; the probe has no rows where he wants none in particular.
"""

import argparse
import json
from pathlib import Path

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_split
from layeraudit.methods import list_methods, load
from layeraudit.poisons import Means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=list_methods("poisons"), required=True)
    parser.add_argument("--options", type=json.loads, required=True, help="of the method, as JSON")
    parser.add_argument("--sources", type=Path, required=True, help="images that may become poison")
    parser.add_argument("--validation", type=Path, required=True, help="further images of the attacker's")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--clean", type=int, required=True, help="clean training images beside the poison")
    parser.add_argument("--classes", type=int, required=True, help="that the network tells apart")
    parser.add_argument("--network", help="that is trained")
    parser.add_argument("--pretrained", type=Path, nargs="?", help="weights that training begins with")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output-poison", type=Path, required=True)
    parser.add_argument("--output-probe", type=Path, required=True)
    arguments = parser.parse_args()

    means = Means(
        sources=read_split(arguments.sources),
        validation=read_split(arguments.validation),
        test=read_split(arguments.test),
        n_clean=arguments.clean,
        n_classes=arguments.classes,
        network=arguments.network,
        weights=arguments.pretrained,
    )
    made = load("poisons", arguments.method).poison(means, seed=arguments.seed, **arguments.options)
    write_split(arguments.output_poison, made.points)
    write_split(arguments.output_probe, made.probe)
    n = len(made.points)
    print(f"{n} poison points, {n / (n + arguments.clean):.2%} of the training set; probe: {len(made.probe)}")


if __name__ == "__main__":
    end_in_a_sentence(main)
