"""Train a network on the training split, poison included, and write its weights (a `state_dict`).

Where it was trained on other images before, only its last layer is trained, from there.
"""

import argparse
import io
from pathlib import Path

import torch

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, written_whole
from layeraudit.networks import NETWORKS
from layeraudit.splits import take_first
from layeraudit.training import train_from_seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--images", type=int, help="how many of it, from the first; all where it is not said")
    parser.add_argument("--pretrained", type=Path, nargs="?", help="weights to begin with")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    split = read_split(arguments.train)
    if arguments.images is not None:
        split = take_first(split, arguments.images)
    network, losses = train_from_seed(
        arguments.network,
        arguments.pretrained,
        split,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    for epoch, loss in enumerate(losses, start=1):
        print(f"epoch {epoch}: mean loss {loss:.4f}")
    weights = io.BytesIO()  # torch itself does not say why it cannot write a file
    torch.save(network.state_dict(), weights)
    with written_whole(arguments.output) as temporary:
        temporary.write_bytes(weights.getvalue())


if __name__ == "__main__":
    end_in_a_sentence(main)
