"""An experiment of a user's own: pictures in folders, and the network and the attack of the pages."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import IMAGES, draw_shapes, list_targets, run, write_plugins_of_pages, write_settings
from sklearn.metrics import roc_auc_score

from layeraudit.files import read_split


@pytest.fixture
def folder(finished_copy: Path) -> Path:
    write_plugins_of_pages(finished_copy)
    draw_shapes(finished_copy / "shapes")
    return finished_copy


DETECTORS = [
    *("label_disagreement_all", "dknn_paper", "lid", "mahalanobis", "trust_score"),
    *("activation_clustering", "energy", "random", "perfect"),
]
"""Of ours, and of each library one."""


def test_an_experiment_of_ones_own_runs_from_pictures_to_detectors(folder: Path) -> None:
    configuration = write_settings(folder)
    targets = [
        target
        for target in list_targets(configuration)
        if "/scores/" in target or Path(target).stem in DETECTORS
    ]
    run(folder, *(f"results/small/mine/{target}" for target in targets), over=["mine.yaml"])
    tables = {target: pd.read_parquet(folder / "results/small/mine" / target) for target in targets}
    experiment = configuration["experiments"]["mine"]

    test, train = (tables[f"seed1/scores/{split}.parquet"] for split in ("test", "train"))
    assert len(test) == experiment["test"]
    for label in ("dnn_label", "dknn_label"):
        assert (test[label] == test["y_true"]).mean() > 0.6  # chance is a third
    assert train["is_poison"].sum() == round(0.1 * experiment["train"] / 0.9)
    assert (train["y"] != train["y_true"]).equals(train["is_poison"])
    for name, images in IMAGES.items():
        assert len(tables[f"seed1/scores/{name}.parquet"]) == images

    step, clean = tables["seed1/scores/step.parquet"], test[: IMAGES["step"]]
    assert (step["dnn_label"] == step["y_true"]).mean() < (clean["dnn_label"] == clean["y_true"]).mean() - 0.2
    images, attacked = (
        read_split(folder / f"results/small/mine/seed1/data/{name}.npz") for name in ("test", "step")
    )
    change = (attacked.x - images.x[: IMAGES["step"]]).reshape(IMAGES["step"], -1)
    assert np.linalg.norm(change, axis=1).max() <= experiment["inputs"]["step"]["epsilon"] + 1e-4

    for target, table in tables.items():
        if target.startswith("detectors"):
            shown = len(train) if "/poison/" in target else experiment["test"] + sum(IMAGES.values())
            assert len(table) == shown, target
            assert np.isfinite(table["score"]).all(), target
            assert set(table["detector"]) == {Path(target).stem}
            assert set(table["setting"]) == {"mine"}

    def measure(detector: str) -> float:
        table = tables[f"detectors/poison/{detector}.parquet"]
        return float(roc_auc_score(table["is_poison"], table["score"]))

    assert measure("label_disagreement_all") > max(0.75, measure("random") + 0.1)
    assert measure("perfect") == 1


def test_a_picture_more_has_the_data_set_read_again_and_nothing_else_of_the_variant(folder: Path) -> None:
    write_settings(folder)
    target = "results/small/mine/seed1/data/clean.npz"
    run(folder, target, over=["mine.yaml"])
    assert "Nothing to be done" in run(folder, target, "--dry-run", over=["mine.yaml"])
    picture = next((folder / "shapes/ring").iterdir())
    (folder / "shapes/ring/more.png").write_bytes(picture.read_bytes())
    planned = run(folder, target, "results/table1.csv", "--dry-run", over=["mine.yaml"])
    assert "rule fetch_dataset" in planned
    assert "rule draw_splits" in planned
    assert "rule train_model" not in planned


def test_a_network_that_does_not_suit_the_pictures_is_one_sentence_before_it_is_trained(folder: Path) -> None:
    write_settings(folder)
    settings = (folder / "mine.yaml").read_text()
    (folder / "mine.yaml").write_text(settings.replace("network: small\n", "network: vgg11\n"))
    printed = run(folder, "results/small/mine/seed1/model.pt", succeeds=False, over=["mine.yaml"])
    assert "vgg11 takes no images of [1, 28, 28]: " in printed
    assert not (folder / "results/small/mine/seed1/model.pt").exists()
