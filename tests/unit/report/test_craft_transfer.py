"""The programs of attacks that transfer: what each writes, and what it says where it cannot."""

import json
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_programs
from numpy.typing import NDArray
from torch import nn

from layeraudit.activations import capture
from layeraudit.attacks._conditions import ROUNDING
from layeraudit.files import read_arrays, read_split, write_split
from layeraudit.networks import build_network, list_layers, predict, read_network
from layeraudit.report.crafting import craft, fine_tune
from layeraudit.report.transfer import (
    choose_layers,
)
from layeraudit.splits import Split

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

SPLIT = 40
ATTACKED = 4
EPSILONS = [0.1, 0.3]
OTHER_NETWORKS = ["lenet", "tramer_d"]


@dataclass(frozen=True)
class Files:
    """What the programs read, and what they wrote, one after the other."""

    folder: Path
    weights: list[Path]
    right: NDArray[np.int64]
    sentences: list[str]

    def read(self, name: str) -> Split:
        return read_split(self.folder / f"{name}.npz")

    def open_networks(self) -> list[nn.Module]:
        names = ["tramer_d", *OTHER_NETWORKS]
        split = self.read("split")
        return [
            read_network({"method": name}, path, split)
            for name, path in zip(names, self.weights, strict=True)
        ]


def make_leaning(name: str, split: Split, *, seed: int) -> nn.Module:
    """Make a network of random weights that gives most of the images, but not all, the label 2."""
    torch.manual_seed(seed)
    network = build_network({"method": name}, split).eval()
    final: Any = network.get_submodule("fc")
    with torch.no_grad():
        logits = network(torch.from_numpy(split.x))
        final.bias -= logits.mean(dim=0)
        lead = (logits - logits.mean(dim=0)).amax(dim=1) - (logits - logits.mean(dim=0))[:, 2]
        final.bias[2] += lead.quantile(0.8)
    return network


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Select, attack, predict and measure, each by its program, on a few images and random weights."""
    folder = tmp_path_factory.mktemp("transfer")
    x = np.random.default_rng(0).random((SPLIT, 1, 28, 28), dtype=np.float32)
    y_true = np.full(SPLIT, 2)
    y_true[[0, 3]] = 5
    y, is_poison = (y_true + 1) % 10, np.arange(SPLIT) % 2 == 0
    images = Split(x, y, y_true, is_poison, 100 + np.arange(SPLIT), n_classes=10)
    write_split(folder / "split.npz", images)
    weights, right = [], np.ones(SPLIT, bool)
    for seed, name in enumerate(["tramer_d", *OTHER_NETWORKS]):
        network = make_leaning(name, images, seed=seed)
        right &= (predict(network, torch.from_numpy(x), batch_size=SPLIT) == torch.from_numpy(y_true)).numpy()
        weights.append(folder / f"{seed}.pt")
        torch.save(network.state_dict(), weights[-1])
    assert ATTACKED < right.sum() < SPLIT - 2
    settings = {"audited": {"method": "tramer_d"}} | {name: {"method": name} for name in OTHER_NETWORKS}
    networks = [f"--networks={json.dumps(settings)}", "--batch-size=7", "--weights", *weights]

    source = ["--source=lenet", '--network={"method": "lenet"}', "--weights", weights[1]]
    source += [f"--epsilons={EPSILONS}", "--passes=4", "--seed=3", "--dataset=mnist", "--batch-size=3"]
    split = ["--split", folder / "split.npz"]
    n = len(right.nonzero()[0])
    _, sentences = run_programs(
        (
            "report/select_attack_set.py",
            [*split, *networks, f"--images={ATTACKED}", "--output", folder / "attack_set.npz"],
        ),
        (
            "report/craft_transfer.py",
            [
                *["--images", folder / "attack_set.npz", *source],
                *["--output", folder / "attacked.npz", "--record", folder / "record.csv"],
            ],
        ),
        (
            "report/predict_transferred.py",
            ["--split", folder / "attacked.npz", *networks, "--output", folder / "labels.npz"],
        ),
        (
            "report/measure_disturbance.py",
            [*split, "--images=3", *source, "--output", folder / "disturbance.csv"],
        ),
        (
            "report/select_attack_set.py",
            [*split, *networks, f"--images={n + 1}", "--output", folder / "out" / "too_many.npz"],
        ),
    )
    return Files(folder, weights, right.nonzero()[0], sentences)


def test_the_attack_set_is_the_first_images_that_every_network_classifies_correctly(files: Files) -> None:
    split, attack_set = files.read("split"), files.read("attack_set")
    rows = files.right[:ATTACKED]
    assert attack_set.n_classes == 10
    for name in ("x", "y", "y_true", "is_poison", "source"):
        np.testing.assert_array_equal(getattr(attack_set, name), getattr(split, name)[rows])


def test_too_small_an_attack_set_is_one_sentence_and_no_file(files: Files) -> None:
    n = len(files.right)
    sentence = (
        rf"select_attack_set.py: {n + 1} images are asked for, allowed are 1 to {n}, "
        r"those of \S+split.npz that every network classifies correctly"
    )
    (said,) = files.sentences
    assert re.fullmatch(f"4 {sentence}", said), said
    assert not (files.folder / "out").exists()


def test_a_row_of_the_record_is_the_row_of_the_split(files: Files) -> None:
    clean, attacked = files.read("attack_set"), files.read("attacked")
    record = pd.read_csv(files.folder / "record.csv")
    assert len(record) == len(attacked)
    assert record["row"].tolist() == list(range(len(attacked)))
    image = record["image"].to_numpy()
    change = (attacked.x.astype(np.float64) - clean.x[image]).reshape(len(record), -1)
    np.testing.assert_allclose(record["linf"], np.abs(change).max(axis=1), atol=1e-6)
    np.testing.assert_allclose(record["l2"], np.linalg.norm(change, axis=1), atol=1e-5)
    assert (record["linf"] <= record["epsilon"] + ROUNDING).all()
    assert (record["linf"] >= record["epsilon"] / 5 - ROUNDING).all()
    np.testing.assert_array_equal(attacked.y_true, clean.y_true[image])
    np.testing.assert_array_equal(attacked.y, attacked.y_true)
    np.testing.assert_array_equal(attacked.source, clean.source[image])
    assert not attacked.is_poison.any()


def test_the_record_has_every_attack_of_every_radius_in_every_layer_after_none(files: Files) -> None:
    record = pd.read_csv(files.folder / "record.csv")
    first = record.iloc[::ATTACKED].fillna({"guide": "", "layer": ""})
    found = first[["epsilon", "attack", "guide", "layer"]].to_records(index=False).tolist()
    baselines = ("noise", "fgsm", "i_fgsm", "i_fgsm_ila_step", "mi_fgsm")
    of_ila = [("ilap", "fgsm"), ("ilap", "i_fgsm"), ("ilap", "mi_fgsm"), ("ilaf", "i_fgsm")]
    assert found == [
        (0.0, "none", "", ""),
        *(
            (epsilon, *recipe)
            for epsilon in EPSILONS
            for recipe in [
                *((attack, "", "") for attack in baselines),
                *(
                    (*attack, layer)
                    for attack in of_ila[: 4 if epsilon == 0.3 else 3]
                    for layer in list_layers({"method": "lenet"})
                ),
            ]
        ),
    ]
    assert record["image"].tolist() == list(range(ATTACKED)) * len(first)
    assert set(first["backward"][~first["attack"].isin(["none", "noise", "fgsm"])]) == {4}
    assert set(record[["dataset", "source", "seed"]].itertuples(index=False, name=None)) == {
        ("mnist", "lenet", 3)
    }
    pushed = record["attack"].isin(["ilap", "ilaf"])
    assert record.loc[pushed, ["no_reference", "zero_gradients", "objective"]].notna().all(axis=None)
    assert record.loc[~pushed, ["no_reference", "zero_gradients", "objective"]].isna().all(axis=None)


def test_the_seed_of_the_run_is_that_of_the_noise(files: Files) -> None:
    clean, attacked = files.read("attack_set"), files.read("attacked")
    record = pd.read_csv(files.folder / "record.csv")
    x, y = torch.from_numpy(clean.x), torch.from_numpy(clean.y_true)
    options: dict[str, Any] = {"passes": 4, "batch_size": 3, "epsilon": 0.3}
    _, expected = next(craft(files.open_networks()[1], x, y, seed=3, **options))
    rows = ((record["attack"] == "noise") & (record["epsilon"] == 0.3)).to_numpy()
    np.testing.assert_array_equal(attacked.x[rows], expected.numpy())


def test_the_labels_are_those_that_every_network_predicts_and_the_audited_one_first(files: Files) -> None:
    x = torch.from_numpy(files.read("attacked").x)
    names, labels, binarised = read_arrays(files.folder / "labels.npz", "names", "labels", "binarised")
    assert names.tolist() == ["audited", "lenet", "tramer_d"]
    for row, network in enumerate(files.open_networks()):
        np.testing.assert_array_equal(labels[row], predict(network, x, batch_size=9).numpy())
        expected = predict(network, (x >= 0.5).float(), batch_size=9).numpy()
        np.testing.assert_array_equal(binarised[row], expected)
    assert (labels[:, :ATTACKED] == 2).all()
    assert (labels[0] != labels[2]).any()  # one architecture, two networks


def test_a_disturbance_is_the_mean_over_the_first_images_of_the_split(files: Files) -> None:
    table = pd.read_csv(files.folder / "disturbance.csv")
    layers, source = list_layers({"method": "lenet"}), files.open_networks()[1]
    keys = ["epsilon", "guide", "layer", "seen"]
    cells = list(table[keys].itertuples(index=False, name=None))
    assert cells == list(product(EPSILONS, ["fgsm", "i_fgsm", "mi_fgsm"], layers, layers))
    assert set(table["n_points"]) == {3}
    split = files.read("split")
    x, y = torch.from_numpy(split.x[:3]), torch.from_numpy(split.y_true[:3])
    (clean,) = capture(source, x, layers, batch_size=3)
    found = table.set_index(keys)["disturbance"]
    crafted = [("i_fgsm", "ilap")]
    options: dict[str, Any] = {"layers": layers, "crafted": crafted, "epsilon": 0.3, "passes": 4}
    for recipe, pushed in fine_tune(source, x, y, batch_size=3, **options):
        (outputs,) = capture(source, pushed.x, layers, batch_size=3)
        for seen in layers:
            change = (outputs[seen] - clean[seen]).norm(dim=1) / clean[seen].norm(dim=1)
            # Another order of sums turns the sign of a gradient here and there.
            measured = found[0.3, "i_fgsm", recipe.layer, seen]
            assert measured == pytest.approx(float(change.mean()), rel=0.02)
    chosen = choose_layers(table)
    assert len(chosen) == 6
    assert set(chosen["layer"]) <= set(layers[:-1])
