"""Train a network on the training split, poison included, and write its weights (a `state_dict`).

Where it was trained on other images before, only its last layer is trained, from there.
"""

from typing import Any

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split
from layeraudit.networks import write_weights
from layeraudit.splits import take_first
from layeraudit.training import train_from_seed


def train_model(
    *,
    train: Input,
    pretrained: Input | None = None,
    output: Output,
    network: dict[str, Any],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    images: int | None = None,
    seed: int,
) -> None:
    """Write the weights of a trained network.

    pretrained : weights to begin with
    images : how many of the training split, from the first; null takes all
    """
    split = read_split(train)
    trained, losses = train_from_seed(
        network,
        pretrained,
        split if images is None else take_first(split, images),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    for epoch, loss in enumerate(losses, start=1):
        print(f"epoch {epoch}: mean loss {loss:.4f}")
    write_weights(trained, output)


if __name__ == "__main__":
    run(train_model)
