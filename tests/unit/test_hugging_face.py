"""A network in a folder of Hugging Face's form: loaded as it was saved, without its code, or refused."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import layeraudit.torchvision_beside_cpu_torch  # noqa: F401  # transformers imports torchvision where it is
from extract_layers import extract_layers
from import_weights import import_weights
from layeraudit.errors import InputError
from layeraudit.files import open_layers, write_split
from layeraudit.networks import build_network
from layeraudit.splits import Split
from list_layers import list_layers

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.usefixtures("one_thread")

N, SIZE, CLASSES = 6, 8, 3
X = np.random.default_rng(0).random((N, 1, SIZE, SIZE), dtype=np.float32)
Y = np.arange(N) % CLASSES
IMAGES = Split(X, Y, Y, np.zeros(N, bool), np.arange(N), CLASSES)

VIT = {
    **{"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16},
    **{"image_size": SIZE, "patch_size": 4, "num_channels": 1, "num_labels": CLASSES},
}
RESNET = {
    **{"num_channels": 1, "embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1]},
    **{"layer_type": "basic", "num_labels": CLASSES},
}


def make(kind: str) -> nn.Module:
    torch.manual_seed(0)
    settings = VIT if kind == "ViT" else RESNET
    config = getattr(transformers, f"{kind}Config")(**settings)
    network: nn.Module = getattr(transformers, f"{kind}ForImageClassification")(config)
    return network.eval()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    make("ViT").save_pretrained(folder)  # type: ignore[operator]
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved, tmp_path / "vit")


@pytest.fixture(autouse=True)
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection: a folder is all that is read."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection is made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def set_up(folder: Path) -> dict[str, Any]:
    return {"method": "hugging_face", "folder": str(folder), "environment": None, "normalisation": None}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ViT", "ResNet"])
@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_saved_network_makes_what_it_made(
    kind: str, shards: int, dtype: torch.dtype, tmp_path: Path
) -> None:
    network = make(kind).to(dtype)
    size = "2KB" if shards > 1 else "1GB"
    network.save_pretrained(tmp_path, max_shard_size=size)  # type: ignore[operator]
    assert (tmp_path / "model.safetensors").exists() == (shards == 1)
    built = build_network(set_up(tmp_path), IMAGES).eval()
    assert {tensor.dtype for tensor in built.parameters()} == {torch.float32}
    with torch.no_grad():
        expected = network.float()(torch.from_numpy(X)).logits
        torch.testing.assert_close(built(torch.from_numpy(X)), expected)


def test_it_passes_through_the_programs_of_an_audit(folder: Path, tmp_path: Path) -> None:
    split, weights, table = tmp_path / "train.npz", tmp_path / "model.pt", tmp_path / "layers.csv"
    write_split(split, IMAGES)
    settings = set_up(folder)
    import_weights(split=split, output=weights, network=settings)
    list_layers(split=split, weights=weights, table=table, network=settings, names=[], pooling="mean")
    chosen = [line.split(",")[0] for line in table.read_text().splitlines() if line.endswith(",True")]
    assert {"vit.layers.0", "vit.layers.1"} & {*chosen}
    assert chosen[-1] == "classifier"
    extract_layers(
        split=split,
        weights=weights,
        layers=tmp_path / "layers",
        logits=tmp_path / "logits.npy",
        network=settings,
        names=["vit.layers.0", "classifier"],
        pooling="mean",
        batch_size=4,
    )
    layers = open_layers(tmp_path / "layers", np.float32, rows=N)
    with torch.no_grad():
        states = make("ViT")(torch.from_numpy(X), output_hidden_states=True)
    np.testing.assert_allclose(layers["classifier"], states.logits, atol=1e-5)
    np.testing.assert_allclose(layers["vit.layers.0"], states.hidden_states[1].mean(dim=1), atol=1e-5)


def test_what_is_not_in_the_weights_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"image_mean": [0.5], "image_std": [0.25], "size": {"height": 8, "width": 8}, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    build_network(set_up(folder), IMAGES)
    printed = capsys.readouterr().out
    assert "classes in the order of the logits: LABEL_0, LABEL_1, LABEL_2\n" in printed
    assert "preprocessor_config.json has image_mean: [0.5], image_std: [0.25], size: {height: 8, w" in printed


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def drop_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["classifier.weight"]
    save_file(weights, path, metadata={"format": "pt"})


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])


def set_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def bring_code(folder: Path) -> None:
    set_config(model_type="mine", auto_map={"AutoConfig": "m.C", "AutoModelForImageClassification": "m.M"})(
        folder
    )
    (folder / "m.py").write_text("raise SystemExit('code has run')\n")


LOADED = "allowed are image classifiers that transformers has$"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (pickle_weights, "has no weights in .safetensors, allowed is a folder with .* run code$"),
        (drop_weight, "lacks the weights classifier.weight; allowed are all of the network$"),
        (cut_weights, f"cannot be loaded: .*; {LOADED}"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json, allowed is a folder as save"),
        (set_config(model_type="mine"), f"cannot be loaded: .*; {LOADED}"),
        (set_config(model_type="bert"), f"cannot be loaded: .*; {LOADED}"),
        (set_config(hidden_size=12), f"cannot be loaded: .*; {LOADED}"),
        (bring_code, f"cannot be loaded: its architecture is code of its own, which is not run; {LOADED}"),
    ],
)
def test_a_folder_that_is_not_such_is_one_sentence(
    spoil: Callable[[Path], None], sentence: str, folder: Path
) -> None:
    spoil(folder)
    with pytest.raises(InputError, match=f"^{folder} {sentence}") as raised:
        build_network(set_up(folder), IMAGES)
    assert str(raised.value).isprintable()


def test_images_and_classes_that_are_others_are_one_sentence(folder: Path) -> None:
    larger = Split(np.zeros((N, 1, 12, 12), np.float32), Y, Y, np.zeros(N, bool), np.arange(N), CLASSES)
    with pytest.raises(InputError, match=r"vit, on images of \[1, 12, 12\], ends in ValueError: .*12"):
        build_network(set_up(folder), larger)
    more = Split(X, Y, Y, np.zeros(N, bool), np.arange(N), CLASSES + 1)
    with pytest.raises(InputError, match=r"vit makes \[2, 3\] of two images, allowed are logits, \[2, 4\]"):
        build_network(set_up(folder), more)
