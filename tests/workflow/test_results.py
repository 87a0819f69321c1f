"""A finished run keeps the contracts of its files, and says what a slow, independent count says."""

import re
import subprocess
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY

from layeraudit.report.claims import CANNOT_TELL, FAILS, HOLDS

LAYERS = {"relu1": 12544, "relu2": 3200, "relu3": 128, "fc": 10}
GROUPS = ["non_poisoned", "misclassified", "misclassified_clean", "poisoned"]
SEEDS = [1, 2]
K = 10
SIZES = {"train": 106, "calibration": 50, "test": 60}
SPLITS = ["clean", "attack_sources", "attack_validation", "calibration", "test"]


@pytest.fixture(params=SEEDS)
def run_folder(finished_run: Path, request: pytest.FixtureRequest) -> Path:
    return finished_run / f"results/small/two_digits/seed{request.param}"


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def test_splits_hold_what_they_say(run_folder: Path, finished_run: Path) -> None:
    images = load(finished_run / "results/datasets/mnist.npz")
    assert images["x"].shape == (70000, 1, 28, 28)
    for name in [*SPLITS, "poison_secml", "train"]:
        split = load(run_folder / f"data/{name}.npz")
        n = len(split["y"])
        assert {key: (value.dtype.name, value.shape) for key, value in split.items()} == {
            "x": ("float32", (n, 1, 28, 28)),
            "y": ("int64", (n,)),
            "y_true": ("int64", (n,)),
            "is_poison": ("bool", (n,)),
            "source": ("int64", (n,)),
            "n_classes": ("int64", ()),
        }
        assert split["n_classes"] == 10
        np.testing.assert_array_equal(split["y_true"], images["y"][split["source"]])
        np.testing.assert_array_equal(split["y"] != split["y_true"], split["is_poison"])
        clean = ~split["is_poison"]
        original = images["x"][split["source"][clean]].astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(split["x"][clean], original)
        assert set(split["y"]) == {1, 9}
    assert {name: len(load(run_folder / f"data/{name}.npz")["y"]) for name in SIZES} == SIZES


def test_no_image_is_in_two_splits(run_folder: Path) -> None:
    sources = {name: set(load(run_folder / f"data/{name}.npz")["source"]) for name in SPLITS}
    for one, other in combinations(SPLITS, 2):
        assert not sources[one] & sources[other], (one, other)
    assert all(row < 60000 for name in SPLITS[:3] for row in sources[name])
    assert all(row >= 60000 for name in SPLITS[3:] for row in sources[name])


def test_poison_stays_near_the_training_images_that_it_was_made_of(
    run_folder: Path, finished_run: Path
) -> None:
    images = load(finished_run / "results/datasets/mnist.npz")["x"] / np.float32(255)
    poison = load(run_folder / "data/poison_secml.npz")
    record = pd.read_csv(run_folder / "poison_secml.csv")
    assert set(poison["source"]) <= set(load(run_folder / "data/attack_sources.npz")["source"])
    move = poison["x"].astype(np.float64) - images[poison["source"]]
    distance = np.sqrt((move**2).sum(axis=(1, 2, 3)))
    assert distance.max() <= 2.5
    assert poison["x"].min() >= 0
    assert poison["x"].max() <= 1
    np.testing.assert_allclose(record["distance"], distance, rtol=1e-6)
    assert record.columns.tolist() == ["row", "source", "y_true", "y", "distance", "moved"]
    assert record["source"].tolist() == poison["source"].tolist()


def test_the_model_is_weights_alone(run_folder: Path) -> None:
    weights = torch.load(run_folder / "model.pt", weights_only=True)
    assert weights["fc.weight"].shape == (10, 128)


def test_neighbours_are_those_of_brute_force(run_folder: Path) -> None:
    for layer, d in LAYERS.items():
        reference = np.load(run_folder / f"layers/train/{layer}.npy", allow_pickle=False)
        assert (reference.dtype, reference.shape) == (np.float32, (106, d))
        for split, n in SIZES.items():
            queries = np.load(run_folder / f"layers/{split}/{layer}.npy", allow_pickle=False)
            found = np.load(run_folder / f"neighbours/{split}/{layer}.npy", allow_pickle=False)
            assert (found.dtype, found.shape) == (np.int64, (n, K))
            unit = [
                (
                    rows * np.float32(1 / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True))
                ).astype(np.float64)
                for rows in (queries, reference)
            ]
            distances = ((unit[0][:, None, :] - unit[1][None, :, :]) ** 2).sum(axis=2)
            if split == "train":
                np.fill_diagonal(distances, np.inf)
            expected = np.argsort(distances, axis=1, kind="stable")[:, :K]
            np.testing.assert_array_equal(found, expected)


def test_scores_are_those_of_a_slow_count(run_folder: Path) -> None:
    train, calibration = (load(run_folder / f"data/{name}.npz") for name in ("train", "calibration"))

    def alpha(split: str, row: int, label: int) -> int:
        neighbours = [np.load(run_folder / f"neighbours/{split}/{layer}.npy")[row] for layer in LAYERS]
        return sum(train["y"][i] != label for of_layer in neighbours for i in of_layer)

    stored = load(run_folder / "calibration.npz")
    of_calibration = [alpha("calibration", row, y) for row, y in enumerate(calibration["y_true"])]
    assert stored["nonconformity"].tolist() == of_calibration
    assert stored["nonconformity"].dtype == np.int64
    assert stored["mode"] == "paper"
    for split in ("train", "test"):
        scores = pd.read_parquet(run_folder / f"scores/{split}.parquet")
        assert scores.columns.tolist() == [
            *["row", "y", "y_true", "is_poison", "dnn_label", "dnn_confidence"],
            *["dknn_label", "credibility", "confidence", "nonconformity"],
            *(f"poison_neighbours_{layer}" for layer in LAYERS),
            *(f"same_label_neighbours_{layer}" for layer in LAYERS),
            *(f"dnn_label_neighbours_{layer}" for layer in LAYERS),
        ]
        assert scores["row"].tolist() == list(range(SIZES[split]))
        logits = torch.from_numpy(np.load(run_folder / f"logits/{split}.npy")).double()
        confidence, label = torch.softmax(logits, dim=1).max(dim=1)
        assert scores["dnn_label"].tolist() == label.tolist()
        np.testing.assert_allclose(scores["dnn_confidence"], confidence)
        for row in range(0, SIZES[split], 7):
            alphas = [alpha(split, row, label) for label in range(10)]
            p = sorted(np.mean([a >= alpha for a in of_calibration]) for alpha in alphas)
            of_row = scores.loc[row]
            assert of_row["dknn_label"] == np.argmin(alphas)
            assert (of_row["credibility"], of_row["confidence"]) == (p[-1], 1 - p[-2])
            assert of_row["nonconformity"] == min(alphas)
            for layer in LAYERS:
                neighbours = np.load(run_folder / f"neighbours/{split}/{layer}.npy")[row]
                assert of_row[f"poison_neighbours_{layer}"] == train["is_poison"][neighbours].sum()
                for whose, label in [("same_label", of_row["y"]), ("dnn_label", of_row["dnn_label"])]:
                    with_label = sum(train["y"][neighbour] == label for neighbour in neighbours)
                    assert of_row[f"{whose}_neighbours_{layer}"] == with_label


def test_table_1_is_in_its_form_and_says_what_the_scores_say(finished_run: Path) -> None:
    table = pd.read_csv(finished_run / "results/table1.csv")
    assert table.columns.tolist() == [
        *["group", "layer", "percent_poisoned_neighbours", "ci95_low", "ci95_high"],
        *["n_points", "n_seeds", "reported", "run"],
    ]
    (run,) = set(table["run"])
    assert run.startswith(
        "SMALL RUN: variant small; k 10 (cosine); mnist, classes 1, 9, 100 training images + poison secml "
    )
    assert list(zip(table["group"], table["layer"], strict=True)) == [
        (g, la) for g in GROUPS for la in LAYERS
    ]
    for end in ("ci95_low", "ci95_high"):
        assert table[end].notna().tolist() == (table["n_seeds"] > 1).tolist()
        assert table[end].dropna().between(0, 100).all()
    assert table["reported"].isna().all()  # of another k, and fewer poison points
    shares = {seed: [] for seed in SEEDS}
    for seed in SEEDS:
        folder = finished_run / f"results/small/two_digits/seed{seed}/scores"
        train = pd.read_parquet(folder / "train.parquet")
        evaluated = pd.concat([pd.read_parquet(folder / "test.parquet"), train[train["is_poison"]]])
        shares[seed] = evaluated.loc[evaluated["is_poison"], "poison_neighbours_relu3"] / K
    row = table.set_index(["group", "layer"]).loc[("poisoned", "relu3")]
    assert row["percent_poisoned_neighbours"] == round(50 * sum(shares[s].mean() for s in SEEDS), 2)
    assert row["n_points"] == 12
    assert row["n_seeds"] == 2


def test_the_plot_names_its_axes_groups_and_numbers(finished_run: Path) -> None:
    svg = (finished_run / "results/small/figures/table1.svg").read_text()
    for text in [
        "layer, from input to output",
        "10 nearest training rows",
        "poison points: n = 12 points, 2 seeds",
    ]:
        assert text in svg
    assert (finished_run / "results/small/figures/table1.png").read_bytes().startswith(b"\x89PNG")


def test_the_configuration_lies_beside_the_runs_that_it_made(finished_run: Path) -> None:
    default, small = (
        yaml.safe_load((finished_run / f"config/{name}.yaml").read_text()) for name in ("config", "small")
    )
    kept = yaml.safe_load((finished_run / "results/small/config.yaml").read_text())
    assert kept.keys() == {*default, "claims"}
    for name, changes in small["poisons"].items():
        assert kept["poisons"][name] == default["poisons"][name] | changes
    assert kept["benches"]["poison"]["removed"] == default["benches"]["poison"]["removed"]
    for name, changes in small["experiments"].items():
        nested = {key for key, value in changes.items() if isinstance(value, dict)}
        own = default["experiments"][name] | changes
        for key, value in kept["experiments"][name].items():
            assert value == (own[key] if key not in nested else value)
        assert all(
            kept["experiments"][name][key].items() >= changes[key].items() for key in nested - {"inputs"}
        )
    assert kept["neighbours"] == {
        "k": 10,
        "metric": "cosine",
        "engine": "exact",
        "shards": 1,
        "memory_mb": 1200,
    }


FIGURE = "quantity,value,ci95_low,ci95_high,n_points,n_seeds,reported"
TABLES = {
    "experiment_1": f"points,group,{FIGURE}",
    "experiment_2_1": f"evaluated,group,{FIGURE}",
    "experiment_2_2": f"training,group,layer,{FIGURE}",
    "reliability": f"input,score,mode,bin_low,bin_high,{FIGURE}",
    "validity": f"mode,alpha,{FIGURE}",
    "dknn_mnist": f"input,mode,{FIGURE}",
    "transfer": f"dataset,source,target,epsilon,attack,guide,layer,{FIGURE}",
    "dknn_against_transfer": f"source,epsilon,attack,guide,layer,detector,against,matched_by,{FIGURE}",
    "adaptive": f"attack,layer,norm,radius,{FIGURE}",
    "section_4": f"setting,poison,group,layer,{FIGURE}",
    "section_4_removal": f"family,detector,{FIGURE}",
    "claims": "claim,source,words,reported,measured,value,ci95_low,ci95_high,n_seeds,n_points,expected",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_columns_and_no_interval_that_misses_its_figure(
    name: str, finished_run: Path
) -> None:
    path = finished_run / f"results/small/tables/{name}.csv"
    assert path.read_text().startswith(TABLES[name])
    table = pd.read_csv(path)
    assert table.loc[table["n_seeds"] < 2, ["ci95_low", "ci95_high"]].isna().all(axis=None)
    table = table.dropna(subset=["value", "ci95_low"])
    assert len(table)
    rounding = 1e-5 * (1 + table["value"].abs())
    assert (table["ci95_low"] <= table["value"] + rounding).all()
    assert (table["ci95_high"] >= table["value"] - rounding).all()


@pytest.mark.parametrize("name", sorted(TABLES.keys() - {"claims"}))
def test_a_table_is_the_mean_of_its_measures(name: str, finished_run: Path) -> None:
    measures, table = (
        pd.read_csv(finished_run / f"results/small/{kind}/{name}.csv") for kind in ("measures", "tables")
    )
    keys = [column for column in measures if column not in ("seed", "value", "n_points")]
    means = measures.groupby(keys, sort=False, dropna=False)["value"].mean()
    np.testing.assert_allclose(table["value"], means, rtol=2e-5, atol=1e-9)


NOT_IN_SMALL = {"points_misread", "points_moved", "right_poison_as_credible_as_clean"} | {
    "ila_transfers_more",
    "ila_transfers_more_from_a_resnet",
    "larger_sets_of_low_credibility",
    "larger_sets_of_low_variance",
    "variance_below_misclassified_clean",
}
"""Claims on sets of poison, radii and numbers of points that the small configuration has not."""


def test_every_claim_is_of_one_figure_and_the_primary_ones_have_a_verdict(finished_run: Path) -> None:
    claims = pd.read_csv(finished_run / "results/small/tables/claims.csv").set_index("claim")
    assert claims.index.is_unique
    assert set(claims.index[claims["n_seeds"] == 0]) == NOT_IN_SMALL
    primary = claims[claims["expected"].notna()]
    assert set(primary["verdict"]) <= {HOLDS, FAILS, CANNOT_TELL}
    assert claims.drop(primary.index)[["p_for", "p_against", "verdict"]].isna().all(axis=None)
    # The figures of the report and the papers are of another k.
    assert "table_1_level" not in primary.index
    assert claims["reported"].isna().all()
    p = primary[["p_for", "p_against"]].fillna(1)
    assert (primary[["p_for_holm", "p_against_holm"]].to_numpy() >= p.to_numpy()).all()
    for table in claims["table"]:
        assert (finished_run / f"results/small/tables/{table}.csv").is_file()


def test_what_dknn_sets_right_and_spoils_is_what_a_slow_count_finds(finished_run: Path) -> None:
    recovered, spoiled = [], []
    for seed in SEEDS:
        scores = pd.read_parquet(finished_run / f"results/small/ten_digits/seed{seed}/scores/test.parquet")
        rows = scores[["dnn_label", "dknn_label", "y_true"]].to_numpy()
        recovered.append(sum(dnn != true == dknn for dnn, dknn, true in rows))
        spoiled.append(sum(dnn == true != dknn for dnn, dknn, true in rows))
    table = pd.read_csv(finished_run / "results/small/tables/experiment_2_1.csv")
    found = table[(table["evaluated"] == "held_out") & (table["group"] == "clean")].set_index("quantity")[
        "value"
    ]
    assert found["recovered_points"] == pytest.approx(np.mean(recovered))
    assert found["spoiled_points"] == pytest.approx(np.mean(spoiled))


@pytest.mark.parametrize("name", ["fgsm", "bim", "cw"])
def test_attacked_images_are_held_out_ones_moved_within_bounds(name: str, finished_run: Path) -> None:
    folder = finished_run / "results/small/clean/seed1/data"
    test, attacked = load(folder / "test.npz"), load(folder / f"{name}.npz")
    n = len(attacked["y"])
    for key in ("y", "y_true", "source"):
        np.testing.assert_array_equal(attacked[key], test["y_true" if key == "y" else key][:n])
    move = np.abs(attacked["x"].astype(np.float64) - test["x"][:n])
    assert move.max() > 0.1
    assert name == "cw" or move.max() <= 0.25 + 2**-23
    assert attacked["x"].min() >= 0
    assert attacked["x"].max() <= 1
    assert not attacked["is_poison"].any()


def test_images_for_transfer_are_clean_ones_that_every_network_gets_right(finished_run: Path) -> None:
    folder = finished_run / "results/small/clean/seed2"
    attack_set, attacked = (load(folder / f"data/{name}.npz") for name in ("attack_set", "from_small_resnet"))
    labels = load(folder / "labels_from_small_resnet.npz")
    n = len(attack_set["y"])
    assert n == 20
    np.testing.assert_array_equal(attacked["x"][:n], attack_set["x"])
    assert labels["names"].tolist() == ["audited", "lenet", "small_resnet", "small_resnet_twin"]
    assert (labels["labels"][:-1, :n] == attack_set["y_true"]).all()  # the twin has no say in it
    record = pd.read_csv(folder / "from_small_resnet.csv")
    assert len(record) == len(attacked["y"]) == n * (1 + 2 * (5 + 15) + 5)
    move = np.abs(attacked["x"].astype(np.float64) - attack_set["x"][record["image"]]).max(axis=(1, 2, 3))
    np.testing.assert_allclose(record["linf"], move, atol=1e-6)
    assert (move <= record["epsilon"] + 2**-23).all()


def test_a_twin_has_the_shape_of_its_source_and_other_weights(finished_run: Path) -> None:
    folder = finished_run / "results/small/clean/seed1/networks"
    for name in ("lenet", "small_resnet"):
        source, twin = (torch.load(folder / f"{of}.pt", weights_only=True) for of in (name, f"{name}_twin"))
        assert {key: of.shape for key, of in source.items()} == {key: of.shape for key, of in twin.items()}
        filters = [of["conv1.weight"].flatten().to(torch.float64) for of in (source, twin)]
        assert torch.corrcoef(torch.stack(filters))[0, 1].abs() < 0.5


def test_colour_images_are_attacked_as_they_stand_in_cifar10(finished_run: Path) -> None:
    folder = finished_run / "results/small/cifar10/seed1"
    original = load(finished_run / "results/datasets/cifar10.npz")
    attack_set, labels = load(folder / "data/attack_set.npz"), load(folder / "labels_from_resnet20.npz")
    assert attack_set["x"].shape == (10, 3, 32, 32)
    pixels = original["x"][attack_set["source"]].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(attack_set["x"], pixels)
    np.testing.assert_array_equal(attack_set["y_true"], original["y"][attack_set["source"]])
    assert labels["names"].tolist() == ["audited", "resnet20", "resnet20_twin"]
    assert (labels["labels"][:-1, :10] == attack_set["y_true"]).all()
    table = pd.read_csv(finished_run / "results/small/tables/transfer.csv")
    of_colour = table[(table["dataset"] == "cifar10") & (table["quantity"] == "success")]
    assert {"audited", "resnet20", "twin", "mean_of_others"} <= set(of_colour["target"])
    assert set(of_colour.loc[of_colour["target"] != "twin", "n_points"]) == {10}


def test_success_and_evasion_are_what_a_slow_count_finds(finished_run: Path) -> None:
    recipe = {"epsilon": 0.3, "attack": "ilap", "guide": "fgsm", "layer": "block1"}
    success, evasive = [], []
    for seed in SEEDS:
        folder = finished_run / f"results/small/clean/seed{seed}"
        clean = pd.read_parquet(folder / "scores/calibration.parquet")["credibility"]
        allowed = [t for t in clean if (clean <= t).sum() <= 0.05 * len(clean)]
        record = pd.read_csv(folder / "from_small_resnet.csv")
        rows = np.logical_and.reduce([record[name] == value for name, value in recipe.items()])
        scores = pd.read_parquet(folder / "scores/from_small_resnet.parquet")[rows]
        fools = scores["dnn_label"] != scores["y_true"]
        success.append(fools.mean())
        evasive.append((fools & (scores["credibility"] > max(allowed, default=-1))).mean())
    table = pd.read_csv(finished_run / "results/small/tables/dknn_against_transfer.csv")
    for name, value in recipe.items():
        table = table[table[name] == value]
    found = table[table["detector"].isna() & table["against"].isna()].set_index("quantity")["value"]
    assert found["success"] == pytest.approx(np.mean(success))
    assert found["evasive_success"] == pytest.approx(np.mean(evasive))
    transfer = pd.read_csv(finished_run / "results/small/tables/transfer.csv")
    for name, value in (recipe | {"dataset": "mnist", "target": "audited", "quantity": "success"}).items():
        transfer = transfer[transfer[name] == value]
    assert transfer["value"].tolist() == pytest.approx([np.mean(success)])


def test_an_attack_that_knows_dknn_leads_to_neighbours_of_another_class(finished_run: Path) -> None:
    """Its images have fewer neighbours of their own class than the same images untouched."""
    for seed in SEEDS:
        folder = finished_run / f"results/small/clean/seed{seed}"
        record = pd.read_csv(folder / "adaptive.csv")
        attacked = pd.read_parquet(folder / "scores/adaptive.parquet")
        clean = pd.read_parquet(folder / "scores/test.parquet").iloc[:20]
        own = [f"same_label_neighbours_{layer}" for layer in LAYERS]
        strongest = attacked[(record["norm"] == "linf") & (record["radius"] == 0.3)]
        assert strongest[own].sum(axis=1).mean() < 0.5 * clean[own].sum(axis=1).mean()


def test_a_clean_model_is_trained_on_no_poison_and_no_image_of_the_attack(finished_run: Path) -> None:
    for experiment, poison in [("clean", 0), ("ten_digits", 6)]:
        folder = finished_run / f"results/small/{experiment}/seed1/data"
        splits = {
            name: load(folder / f"{name}.npz") for name in ["train", "test", "calibration", "attack_sources"]
        }
        assert splits["train"]["is_poison"].sum() == poison
        clean = splits["train"]["source"][~splits["train"]["is_poison"]]
        assert clean.max() < 60000 <= splits["attack_sources"]["source"].min()
        assert not set(splits["test"]["source"]) & set(splits["attack_sources"]["source"])
        assert set(splits["train"]["y"]) == set(range(10))


def test_activations_stay_where_neighbours_are_sought_in_them(finished_run: Path) -> None:
    left = {
        name: {path.stem for path in (finished_run / f"results/small/{name}").glob("seed*/layers/*/*.npy")}
        for name in ("clean", "ten_digits", "two_digits_memorised", "fashion", "cifar10")
    }
    only_attacked = ("fashion", "cifar10")
    assert left == {name: set() if name in only_attacked else set(LAYERS) for name in left}


def test_the_default_configuration_can_be_planned(fresh_copy: Path) -> None:
    """Five seeds of 14 jobs each, the data set, the table, and its published copy."""
    experiments = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["experiments"]
    assert len(experiments["two_digits"]["seeds"]) == 5
    dry_run = ["snakemake", "--cores", "2", "--dry-run", "results/table1.csv"]
    planned = subprocess.run(dry_run, cwd=fresh_copy, text=True, capture_output=True, check=True)
    assert re.search(r"^total +73$", planned.stdout + planned.stderr, re.MULTILINE)
