"""Turn the knobs of the attack on Deep k-nearest neighbours, one at a time.

    .venv-benchmarks/bin/python benchmarks/adaptive.py

Attacks, in L-infinity, the first 350 held-out images of the first seed of a run of the whole report, which
has to be there, with `KNOBS`, which are those of `config.yaml`, and then with some of them turned.
`adaptive.csv` takes a line for each setting: what becomes of DkNN and of the network. Neighbours are found
by matrix products of all rows, by none of the library's engines; 5 GB of memory.
"""

import csv
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from layeraudit.activations import capture  # noqa: E402
from layeraudit.attacks.neighbours import (  # noqa: E402
    Layer,
    choose_guides,
    lead_to_class_after_class,
    lead_to_neighbours,
    usual_radius,
)
from layeraudit.dknn import count_nonconformity, judge  # noqa: E402
from layeraudit.files import read_split  # noqa: E402
from layeraudit.networks import ReportCNN, predict, read_weights  # noqa: E402

RUN = ROOT / "results" / "clean" / "report" / "seed1"
LAYERS = ["relu1", "relu2", "relu3", "fc"]
K = 75
IMAGES = 350
BATCH = 50
KNOBS: dict[str, Any] = {
    "epsilon": 0.25,
    "guides_in": "relu2",
    "classes": 3,
    "toward": 75,
    "away": 75,
    "steepness": 1,
    "steps": 40,
    "first_step": 0.2,
}
TURNS: list[dict[str, Any]] = [
    *[{"epsilon": epsilon} for epsilon in (0.1, 0.15, 0.2, 0.25, 0.3)],
    *[{"steepness": steepness} for steepness in (0.5, 2, 4, 8)],
    *[{"away": 0}, {"toward": 40, "away": 40}, {"toward": 150}],
    *[{"steps": steps} for steps in (20, 100)],
    *[{"first_step": first_step} for first_step in (0.1, 0.5)],
    *[{"guides_in": layer} for layer in ("relu1", "fc")],
    *[{"epsilon": epsilon, "classes": classes} for epsilon in (0.25, 0.3) for classes in (1, 2, 5)],
    *[{"epsilon": 0.3} | turn for turn in ({"toward": 150}, {"guides_in": "relu1"}, {"steepness": 0.5})],
]


class Defence:
    """The network of a run, and Deep k-nearest neighbours over it."""

    def __init__(self, run: Path) -> None:
        self.network = ReportCNN()
        read_weights(self.network, run / "model.pt")
        train, calibration = (read_split(run / "data" / f"{name}.npz") for name in ("train", "calibration"))
        self.labels = train.y
        self.rows = self.outputs(torch.from_numpy(train.x))
        queries = self.outputs(torch.from_numpy(calibration.x))
        neighbours = self.find_neighbours(queries)
        counts = count_nonconformity(neighbours, self.labels, n_classes=10)
        self.calibration = counts[np.arange(len(counts)), calibration.y_true]
        self.layers = {
            name: Layer(
                rows.numpy(), usual_radius(queries[name].numpy(), rows[of_layer[:, -1]].numpy(), "cosine")
            )
            for (name, rows), of_layer in zip(self.rows.items(), neighbours, strict=True)
        }

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """Give each layer's outputs, float32 [n, d]."""
        found: dict[str, Tensor] = {}
        for number, of_batch in enumerate(capture(self.network, x, LAYERS, batch_size=500)):
            for name, rows in of_batch.items():
                found.setdefault(name, torch.empty(len(x), rows.shape[1]))[500 * number :][: len(rows)] = rows
        return found

    def find_neighbours(self, outputs: dict[str, Tensor]) -> list[np.ndarray[Any, Any]]:
        """Give the rows of the nearest by cosine in each layer, the nearest first, int64 [n, K]."""
        return [
            ((queries @ self.rows[name].T) / self.rows[name].norm(dim=1)).topk(K, dim=1).indices.numpy()
            for name, queries in outputs.items()
        ]

    def count(self, x: Tensor) -> np.ndarray[Any, Any]:
        """Count the neighbours of other classes, of each class: int64 [n, 10]."""
        return count_nonconformity(self.find_neighbours(self.outputs(x)), self.labels, n_classes=10)

    def judge(self, x: Tensor) -> Tensor:
        """Give the label of each image, int64 [n]."""
        return torch.from_numpy(self.count(x).argmin(axis=1))

    def guides(self, x: Tensor, y: Tensor, knobs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Choose the guides in the layer that is named."""
        name = knobs["guides_in"]
        here, rows = (nn.functional.normalize(of[name], dim=1) for of in (self.outputs(x), self.rows))
        return choose_guides(
            here,
            y,
            rows,
            torch.from_numpy(self.labels),
            **{name: knobs[name] for name in ("classes", "toward", "away")},
        )


def sweep(defence: Defence, x: Tensor, y: Tensor) -> Iterator[dict[str, Any]]:
    """Attack with each setting."""
    for turn in TURNS:
        knobs = KNOBS | turn
        lead = partial(
            lead_to_neighbours,
            defence.network,
            layers=defence.layers,
            metric="cosine",
            norm="linf",
            epsilon=knobs["epsilon"],
            steepness=knobs["steepness"],
            steps=knobs["steps"],
            first_step=knobs["first_step"] * knobs["epsilon"],
            batch_size=BATCH,
        )
        guides = defence.guides(x, y, knobs)
        attacked, _ = lead_to_class_after_class(lead, defence.judge, x, y, *guides)
        judgement = judge(defence.count(attacked), defence.calibration, mode="paper")
        right = judgement.label == y.numpy()
        yield knobs | {
            "n_points": len(x),
            "dknn_accuracy": round(float(right.mean()), 4),
            "dnn_accuracy": round(
                float((predict(defence.network, attacked, batch_size=500) == y).float().mean()), 4
            ),
            "credibility_of_successes": round(float(judgement.credibility[~right].mean()), 4),
        }


def main() -> None:
    """Write the table."""
    split = read_split(RUN / "data" / "test.npz")
    x, y = torch.from_numpy(split.x[:IMAGES]), torch.from_numpy(split.y_true[:IMAGES])
    with (Path(__file__).parent / "adaptive.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file,
            [*KNOBS, "n_points", "dknn_accuracy", "dnn_accuracy", "credibility_of_successes"],
            lineterminator="\n",
        )
        writer.writeheader()
        for line in sweep(Defence(RUN), x, y):
            writer.writerow(line)
            file.flush()


if __name__ == "__main__":
    main()
