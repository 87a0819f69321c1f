"""The configuration to copy: as it stands it is valid, it reads what it names, and its comments are true."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import REPOSITORY, check_all, merged, sentence_of
from PIL import Image

from fetch_dataset import fetch_dataset
from import_weights import import_weights
from layeraudit.experiments import AUTO, list_audits
from layeraudit.files import read_dataset, read_split, write_split
from layeraudit.splits import take_clean
from list_layers import list_layers

pytestmark = pytest.mark.usefixtures("one_thread")

MINE = yaml.safe_load((REPOSITORY / "config/audit.yaml").read_text())
FACTORY = """
from torch import nn

def make_network():
    maps = nn.Conv2d(3, 4, 9, stride=8), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU()
    return nn.Sequential(*maps, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out what the configuration names, and enter the folder."""
    for number, name in enumerate(
        f"{part}/{of}/1.png" for part in ("train", "test") for of in ("owl", "newt")
    ):
        path = tmp_path / "my_data" / name
        path.parent.mkdir(parents=True)
        Image.new("RGB", (30, 20), (60 * number, 9, 9)).save(path)
    code = tmp_path / "my_project/my_code/model.py"
    code.parent.mkdir(parents=True)
    code.write_text(FACTORY)
    made: dict[str, Any] = {}
    exec(FACTORY, made)
    torch.save(made["make_network"]().state_dict(), tmp_path / "my_data/weights.pt")
    (tmp_path / "my_data/weights.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_valid(configuration: dict[str, Any]) -> None:
    """Assert that all can be run but detectors of the leaderboard, of which two need more neighbours."""
    assert {*check_all(configuration)} == {"deep_knn", "knn_distance"}


def test_as_it_stands_it_reads_the_data_and_lists_the_layers_of_the_network() -> None:
    configuration = merged(MINE)
    assert_valid(configuration)
    fetch_dataset(output=Path("pictures.npz"), settings=configuration["datasets"]["pictures"])
    images = read_dataset(Path("pictures.npz"))
    assert (images.x.shape, images.n_train, images.classes) == ((4, 3, 224, 224), 2, ("newt", "owl"))
    write_split(Path("train.npz"), take_clean(images.x, images.y, np.arange(2), 2))
    (audit,) = list_audits(configuration).values()
    assert MINE["audits"]["my_audit"]["layers"] == AUTO
    files = {"split": Path("train.npz"), "weights": Path("model.pt")}
    import_weights(split=files["split"], output=files["weights"], network=audit["network"])
    table = Path("layers.csv")
    list_layers(
        **files, table=table, network=audit["network"], names=audit["layers"], pooling=audit["pooling"]
    )
    assert 4 <= table.read_text().count(",True\n") <= 6
    assert len(read_split(files["split"])) == 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("datasets.pictures.held_out", 0.2),
        ("datasets.pictures.classes", ["owl", "newt"]),
        ("datasets.pictures.channels", 1),
        ("networks.my_network.folder", None),
        ("networks.my_network.arguments", {"width": 16}),
        ("networks.my_network.weights", None),
        ("networks.my_network.weights", "my_data/weights.safetensors"),
        ("networks.my_network.normalisation", None),
        ("audits.my_audit.layers", ["1", "6"]),
        ("audits.my_audit.pooling", "none"),
        ("audits.my_audit.expected_accuracy", None),
        ("audits.my_audit.inputs", "pictures"),
        ("audits.my_audit.inputs", "camera"),
    ],
)
def test_what_its_comments_allow_is_allowed(path: str, value: Any) -> None:
    configuration = merged(MINE)
    camera = {"method": "unlabelled_folder", "path": "my_data/test", "channels": 3, "size": [224, 224]}
    configuration["datasets"]["camera"] = camera
    *parents, last = path.split(".")
    at = configuration
    for key in parents:
        at = at[key]
    assert last in at
    at[last] = value
    assert_valid(configuration)


def test_paths_that_are_not_there_are_found_before_any_job(folder: Path) -> None:
    (folder / "my_data/weights.pt").unlink()
    sentence = "networks.my_network.weights is 'my_data/weights.pt', which does not exist, allowed is"
    assert sentence_of(merged(MINE)).startswith(sentence)
