"""Train a network on the training split, poison included, and write its weights (a `state_dict`)."""

import argparse
import io
import math
from pathlib import Path

import torch

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_split, written_whole
from layeraudit.networks import NETWORKS
from layeraudit.splits import take_first
from layeraudit.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True, help="how many of it, from the first")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    split = take_first(read_split(arguments.train), arguments.images)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(arguments.seed)
    network = NETWORKS[arguments.network]()
    losses = train(
        network,
        torch.from_numpy(split.x),
        torch.from_numpy(split.y),
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    for epoch, loss in enumerate(losses, start=1):
        print(f"epoch {epoch}: mean loss {loss:.4f}")
    if not math.isfinite(losses[-1]):
        raise InputError(f"the loss is {losses[-1]}: training has diverged, lower training.learning_rate")
    weights = io.BytesIO()  # torch itself does not say why it cannot write a file
    torch.save(network.state_dict(), weights)
    with written_whole(arguments.output) as temporary:
        temporary.write_bytes(weights.getvalue())


if __name__ == "__main__":
    end_in_a_sentence(main)
