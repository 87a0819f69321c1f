"""A user's own pictures and network, audited: what was misfiled comes first."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import copy_repository, draw_shapes, run

from layeraudit.datasets import image_folder
from layeraudit.files import open_layers, read_dataset, read_split

MISFILED = 15
RUN = Path("results/mine/shapes/seed1")
PAGE = Path("results/audit/shapes")

FACTORY = '''"""The user's own network."""

import torch
from torch import nn


def build(width: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, width, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, stride=2), nn.ReLU()),
        *(nn.Conv2d(width, width, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(width * 9, 32), nn.ReLU(), nn.Linear(32, 3)),
    )


def train(network, images, labels):
    optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(6):
        for rows in torch.randperm(len(images)).split(20):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimiser.step()
'''

SETTINGS = {
    "variant": "mine",
    "datasets": {
        "shapes": {
            "method": "image_folder",
            "train": "shapes",
            "held_out": 0.2,
            "classes": None,
            "channels": 1,
            "size": [28, 28],
        }
    },
    "networks": {
        "mine": {
            "method": "factory",
            "folder": "code",
            "factory": "my_package.network:build",
            "arguments": {"width": 16},
            "weights": "weights.pt",
            "train": "my_package.network:train",
            "environment": None,
            "normalisation": {"mean": [0.5], "std": [0.5]},
        }
    },
    "audits": {
        "shapes": {
            "dataset": "shapes",
            "network": "mine",
            "layers": "auto",
            "pooling": "mean",
            "expected_accuracy": 0.9,
            "inputs": None,
        }
    },
}


def misfile(folder: Path) -> dict[str, str]:
    """Move some pictures into the folder of another class; return their names there, and their own class."""
    classes = sorted(path.name for path in folder.iterdir())
    moved = {}
    for number in np.random.default_rng(1).permutation(300)[:MISFILED].tolist():
        own, other = classes[number % 3], classes[(number + 1) % 3]
        picture = folder / own / f"{number // 3:03}.png"
        picture.rename(folder / other / f"of_{own}_{picture.name}")
        moved[f"{other}/of_{own}_{picture.name}"] = own
    return moved


def train(folder: Path) -> None:
    """Train the user's network on the user's pictures, as they are filed, and save its weights."""
    options = {key: of for key, of in SETTINGS["datasets"]["shapes"].items() if key != "method"}
    images = image_folder.read(folder, **options | {"train": str(folder / "shapes")})
    x = (torch.from_numpy(images.x[: images.n_train]).float() / 255 - 0.5) / 0.5
    y = torch.from_numpy(images.y[: images.n_train])
    (folder / "code/my_package").mkdir(parents=True)
    (folder / "code/my_package/network.py").write_text(FACTORY)
    sys.path.insert(0, str(folder / "code"))
    torch.manual_seed(0)
    own = importlib.import_module("my_package.network")
    sys.path.remove(str(folder / "code"))
    network = own.build(16)
    own.train(network, x, y)
    weights = {f"module.{name}": of for name, of in network.state_dict().items()}
    torch.save({"state_dict": weights}, folder / "weights.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def misfiled(folder: Path) -> dict[str, str]:
    """Make the audit once, of 300 pictures of which some are misfiled."""
    draw_shapes(folder / "shapes")
    moved = misfile(folder / "shapes")
    train(folder)
    (folder / "mine.yaml").write_text(yaml.safe_dump(SETTINGS))
    run(folder, f"{PAGE}.layers.csv", over=["mine.yaml"])
    assert not (folder / PAGE).exists()
    run(folder, str(PAGE), over=["mine.yaml"])
    return moved


def test_what_was_misfiled_comes_first_with_its_own_class(folder: Path, misfiled: dict[str, str]) -> None:
    rows = pd.read_csv(folder / PAGE / "rows.csv")
    assert len(rows) == 241  # four fifths of each folder
    trained_on = set(misfiled) & set(rows["id"])
    first = rows.head(len(trained_on) + 5)
    found = first[first["id"].isin(trained_on)]
    assert len(found) >= 0.8 * len(trained_on)
    assert (found["proposed"] == found["id"].map(misfiled)).mean() >= 0.9
    left = pd.read_csv(folder / PAGE / "clean.csv")
    flagged = rows[rows["label_flagged"]]
    assert not set(left["id"]) & set(flagged["id"])


def test_the_page_has_the_gate_and_the_counts(folder: Path, misfiled: dict[str, str]) -> None:
    found = json.loads((folder / PAGE / "audit.json").read_text())
    assert found["gate"]["verdict"] == "as_expected"
    assert found["gate"]["parts"]["held_out"]["n"] == 59
    assert found["counts"]["other_label_proposed"] >= 10
    assert list(found["provenance"]["network"]["files"]) == ["code", "weights.pt"]


def test_errors_are_planted_before_training_by_the_users_own_function(
    folder: Path, misfiled: dict[str, str]
) -> None:
    controls = pd.DataFrame(json.loads((folder / PAGE / "audit.json").read_text())["controls"])
    assert list(dict.fromkeys(controls["control"])) == [
        *("flips_before_training", "trigger_before_training", "flips_after_training")
    ]
    planted = read_split(folder / "results/mine/shapes_planted/seed1/data/train.npz")
    clean = read_split(folder / RUN / "data/train.npz")
    assert planted.source.tolist() == clean.source.tolist()
    assert (planted.is_poison.sum(), (planted.y != clean.y).sum()) == (10, 20)
    flips = controls[controls["control"] == "flips_before_training"].set_index(["detector", "quantity"])
    assert set(flips["planted"]) == {10}
    assert flips.loc[("neighbours_and_probe", "auroc"), "value"].item() > 0.8


def test_nothing_runs_again_until_something_changes(folder: Path, misfiled: dict[str, str]) -> None:
    assert "Nothing to be done" in run(folder, str(PAGE), "--dry-run", over=["mine.yaml"])
    code = folder / "code/my_package/network.py"
    code.write_text(code.read_text() + "\n\nWIDTH = 16\n")
    planned = run(folder, str(PAGE), "--dry-run", over=["mine.yaml"])
    code.write_text(FACTORY)
    assert "rule import_weights" in planned and "rule fetch_dataset" not in planned


def test_activations_alone_are_audited_as_the_model_is(folder: Path, misfiled: dict[str, str]) -> None:
    """The same rows in the same layers, without a model: the same disagreement of labels."""
    images = read_dataset(folder / "results/datasets/shapes.npz")
    user = folder / "activations"
    for part, names in (("train", ["train"]), ("held_out", ["calibration", "test"])):
        (user / part).mkdir(parents=True)
        splits = [read_split(folder / RUN / f"data/{name}.npz") for name in names]
        order = np.argsort(np.concatenate([split.source for split in splits]))
        layers = [open_layers(folder / RUN / f"layers/{name}", np.float32) for name in names]
        for layer in layers[0]:
            matrix = np.concatenate([of[layer] for of in layers])[order]
            np.save(user / part / f"{layer}.npy", matrix)
        np.save(user / part / "labels.npy", np.concatenate([split.y for split in splits])[order])
        ids = images.ids[np.sort(np.concatenate([split.source for split in splits]))]
        (user / part / "ids.txt").write_text("\n".join(ids) + "\n")
        (user / part / "layers.txt").write_text("".join(f"{layer}\n" for layer in layers[0]))
    settings: dict[str, Any] = {
        "variant": "mine",  # whose settings change by it
        "datasets": {
            "activations": {
                "method": "activations",
                "train": "activations/train",
                "held_out": "activations/held_out",
                "classes": None,
            }
        },
        "audits": {
            "alone": SETTINGS["audits"]["shapes"]
            | {"dataset": "activations", "network": None, "pooling": "none", "expected_accuracy": None}
        },
    }
    (folder / "alone.yaml").write_text(yaml.safe_dump(settings))
    printed = run(folder, "results/audit/alone", over=["alone.yaml"])
    assert (folder / "results/audit/alone/rows.csv").exists(), printed
    of_model, alone = (
        pd.read_csv(folder / f"results/audit/{name}/rows.csv").set_index("id").sort_index()
        for name in ("shapes", "alone")
    )
    assert of_model.index.equals(alone.index)
    np.testing.assert_allclose(of_model["label_disagreement"], alone["label_disagreement"])


def test_a_wrong_normalisation_is_stopped_at_the_gate(folder: Path, misfiled: dict[str, str]) -> None:
    wrong = json.loads(json.dumps(SETTINGS)) | {"variant": "wrong"}
    wrong["networks"]["mine"]["normalisation"] = {"mean": [40.0], "std": [0.01]}
    (folder / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    printed = run(folder, str(PAGE), succeeds=False, over=["wrong.yaml"])
    assert "check_accuracy.py: " in printed
    assert "normalisation" in printed
    assert not list(folder.glob("results/wrong/shapes_planted/*/model.pt"))  # nothing is trained again before
    assert "Traceback" not in printed
    assert (folder / PAGE / "index.html").exists()  # of the audit before
    shutil.rmtree(folder / "results/wrong")
