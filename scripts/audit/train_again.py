"""Train the network of an audit again, from what its factory returns, by the user's own function."""

from typing import Any

import torch

from layeraudit.audit.weights import check_weights
from layeraudit.cli import Input, Output, run
from layeraudit.errors import InputError
from layeraudit.files import read_split
from layeraudit.networks import build_network, write_weights
from layeraudit.networks.factory import train_again as train


def train_again(*, split: Input, output: Output, network: dict[str, Any], seed: int) -> None:
    """Write the weights of the trained network.

    split : what it is trained on, by the labels given
    seed : of torch, before the factory is called
    """
    torch.manual_seed(seed)
    images = read_split(split)
    built = build_network(network, images)
    x, y = torch.from_numpy(images.x), torch.from_numpy(images.y)
    before = [weight.clone() for weight in built.parameters()]
    train(built, x, y, train=network["train"], folder=network["folder"])
    if all(map(torch.equal, before, built.parameters())):
        raise InputError(
            f"{network['train']} leaves all weights as they are, allowed is a function that trains the "
            "network that it is given"
        )
    check_weights(built, network["train"])
    write_weights(built, output)
    print(f"trained on {len(images)} rows by {network['train']}")


if __name__ == "__main__":
    run(train_again)
