"""The same pictures and network by every other way in: tables, arrays, ONNX, Hugging Face, safetensors."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import copy_repository, draw_shapes, run
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

import layeraudit.torchvision_beside_cpu_torch  # noqa: F401  # transformers imports torchvision where it is

pytestmark = pytest.mark.filterwarnings("ignore")  # of the exporter

CLASSES = ("bar", "cross", "ring")
MISLABELLED, HELD_OUT = 15, 60

FACTORY = '''"""The user's own network."""

from torch import nn


def build():
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2), nn.ReLU()),
        *(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 3)),
    )
'''

OWN, NO_FILE = {"normalisation": {"mean": [0.5], "std": [0.5]}}, {"path": None, "root": None, "id": None}
DATASETS = {
    "listed": {
        **{"method": "table", "train": "train.csv", "held_out": "held_out.csv", "classes": [*CLASSES]},
        **{"label": "kind", "path": "file", "root": "shapes", "image": None, "id": "name"},
        **{"channels": 1, "size": [28, 28]},
    },
    "packed": {
        **{"method": "table", "train": "train.parquet", "held_out": "held_out.parquet", "classes": None},
        **{"label": "label", "image": "image", **NO_FILE, "channels": 1, "size": [28, 28]},
    },
    "stacked": {
        **{"method": "arrays", "train": "train.npz", "held_out": "held_out.npz"},
        **{"classes": [*CLASSES], "layout": "nhw"},
    },
}
NETWORKS = {
    "exported": {"method": "onnx", "file": "network.onnx", "output": None, **OWN},
    "saved": {"method": "hugging_face", "folder": "saved", "environment": None, **OWN},
    "safe": {
        **{"method": "factory", "folder": "code", "factory": "own_network:build", "arguments": {}},
        **{"weights": "weights.safetensors", "train": None, "environment": None, **OWN},
    },
}
WAYS = {"listed": "exported", "packed": "saved", "stacked": "safe"}


def fit(network: nn.Module, x: Tensor, y: Tensor, *, epochs: int) -> nn.Module:
    """Train a network for a few seconds, and not so long that it fits the wrong labels."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(20):
            optimiser.zero_grad()
            logits = network(x[rows])
            nn.functional.cross_entropy(getattr(logits, "logits", logits), y[rows]).backward()
            optimiser.step()
    return network.eval()


def write_networks(folder: Path, x: Tensor, y: Tensor) -> None:
    """Write one network as ONNX and as safetensors, and another as Hugging Face has it."""
    transformers = pytest.importorskip("transformers")
    (folder / "code").mkdir()
    (folder / "code/own_network.py").write_text(FACTORY)
    sys.path.insert(0, str(folder / "code"))
    torch.manual_seed(0)
    network = fit(importlib.import_module("own_network").build(), x, y, epochs=8)
    sys.path.remove(str(folder / "code"))
    save_file(network.state_dict(), folder / "weights.safetensors")
    axes = {"pixels": {0: "n"}}
    torch.onnx.export(
        network, (x[:1],), folder / "network.onnx", dynamo=False, input_names=["pixels"], dynamic_axes=axes
    )
    shape = {"num_channels": 1, "embedding_size": 8, "hidden_sizes": [8, 16, 16], "depths": [1, 1, 1]}
    form = transformers.ResNetConfig(**shape, layer_type="basic", num_labels=3)
    fit(transformers.ResNetForImageClassification(form), x, y, epochs=4).save_pretrained(folder / "saved")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an audit of each way in, of 300 pictures of which some have a wrong label."""
    folder = copy_repository(tmp_path_factory.mktemp("ways"))
    draw_shapes(folder / "shapes")
    paths = sorted((folder / "shapes").glob("*/*.png"), key=lambda path: (path.stem, path.parent.name))
    names = np.array([str(path.relative_to(folder / "shapes")) for path in paths])
    x = np.stack([np.asarray(Image.open(path)) for path in paths])
    y = np.array([CLASSES.index(path.parent.name) for path in paths])
    wrong = np.random.default_rng(1).permutation(len(y) - HELD_OUT)[:MISLABELLED]
    y[wrong] = (y[wrong] + 1) % 3
    kinds = np.array(CLASSES)[y]
    for part, rows in (("train", slice(0, -HELD_OUT)), ("held_out", slice(-HELD_OUT, None))):
        listed = pd.DataFrame({"name": names[rows], "file": names[rows], "kind": kinds[rows]})
        listed.to_csv(folder / f"{part}.csv", index=False)
        pictures = [{"bytes": (folder / "shapes" / name).read_bytes(), "path": name} for name in names[rows]]
        pd.DataFrame({"image": pictures, "label": y[rows]}).to_parquet(folder / f"{part}.parquet")
        np.savez(folder / f"{part}.npz", x=x[rows], y=y[rows], ids=names[rows])
    pixels = (torch.from_numpy(x[:-HELD_OUT, None]).float() / 255 - 0.5) / 0.5
    write_networks(folder, pixels, torch.from_numpy(y[:-HELD_OUT]))
    common: dict[str, Any] = {"layers": "auto", "pooling": "mean", "expected_accuracy": 0.9, "inputs": None}
    audits = {dataset: {"dataset": dataset, "network": network} | common for dataset, network in WAYS.items()}
    settings = {"variant": "ways", "datasets": DATASETS, "networks": NETWORKS, "audits": audits}
    (folder / "mine.yaml").write_text(yaml.safe_dump(settings))
    (folder / "wrong.json").write_text(
        json.dumps(
            {name: CLASSES[(y[row] - 1) % 3] for row, name in zip(wrong.tolist(), names[wrong], strict=True)}
        )
    )
    run(folder, *(f"results/audit/{name}" for name in WAYS), over=["mine.yaml"])
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_what_has_a_wrong_label_comes_first_under_the_users_name(folder: Path, way: str) -> None:
    wrong = json.loads((folder / "wrong.json").read_text())
    rows = pd.read_csv(folder / f"results/audit/{way}/rows.csv")
    names = pd.read_csv(folder / "train.csv")["name"]
    if way == "packed":  # its rows have no names
        rows["id"] = rows["id"].str.removeprefix("train.parquet:").astype(int).map(names)
        for column in ("label", "proposed"):
            rows[column] = rows[column].map(dict(enumerate(CLASSES)))
    assert set(rows["id"]) == set(names)
    first = rows.head(MISLABELLED + 5)
    found = first[first["id"].isin(wrong)]
    assert len(found) >= 0.8 * MISLABELLED
    other = found[found["proposed"] != found["label"]]
    assert len(other) >= 10
    assert (other["proposed"] == other["id"].map(wrong)).mean() >= 0.9


@pytest.mark.parametrize("way", WAYS)
def test_the_network_passes_the_gate(folder: Path, way: str) -> None:
    found = json.loads((folder / f"results/audit/{way}/audit.json").read_text())
    assert found["gate"]["verdict"] == "as_expected"
    assert found["gate"]["parts"]["train"]["n"] == 300 - HELD_OUT
