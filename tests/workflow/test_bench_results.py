"""The benches of a finished run keep their contracts, and agree with a slow, independent count."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY
from sklearn.metrics import average_precision_score, roc_auc_score

from layeraudit.configuration import is_for

CONFIGURATION = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
DETECTORS = {
    bench: [name for name in CONFIGURATION["detectors"] if is_for(bench, CONFIGURATION, name)]
    for bench in ("poison", "evasion")
}
POISONED = {
    "mnist_none": [1, 2],
    "mnist_badnets_5": [1, 2],
    "mnist_secml_1x50": [1, 2],
    "mnist_transfer_collision": [1],
    "fashion_badnets_5": [1],
}
EVADED = {"evasion_mnist": [1, 2], "evasion_fashion": [1]}
INPUTS = {
    "clean": 100,
    "fgsm": 20,
    "bim": 20,
    "cw": 10,
    "ila": 20,
    "adaptive": 10,
    "rotated": 20,
    "other_data": 20,
}


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def run_of(finished_run: Path, experiment: str, seed: int) -> Path:
    return finished_run / "results/small" / experiment / f"seed{seed}"


def list_runs(experiments: dict[str, list[int]]) -> list[tuple[str, int]]:
    return [(experiment, seed) for experiment, seeds in experiments.items() for seed in seeds]


def scores_of(finished_run: Path, experiment: str, detector: str) -> pd.DataFrame:
    bench = "evasion" if experiment in EVADED else "poison"
    return pd.read_parquet(finished_run / f"results/small/{experiment}/detectors/{bench}/{detector}.parquet")


@pytest.mark.parametrize("experiment", POISONED)
def test_detectors_score_every_training_row(experiment: str, finished_run: Path) -> None:
    splits = [
        load(run_of(finished_run, experiment, seed) / "data/train.npz") for seed in POISONED[experiment]
    ]
    expected = {key: np.concatenate([split[key] for split in splits]) for key in ("y", "y_true", "is_poison")}
    for detector in DETECTORS["poison"]:
        scores = scores_of(finished_run, experiment, detector)
        names = ["setting", "poison", "detector", "seed", "row", "y", "y_true", "is_poison", "score"]
        assert scores.columns.tolist() == names
        assert f"{scores['setting'].iloc[0]}_{scores['poison'].iloc[0]}" == experiment
        assert scores["row"].tolist() == [row for split in splits for row in range(len(split["y"]))]
        for key, values in expected.items():
            np.testing.assert_array_equal(scores[key], values)
        assert np.isfinite(scores["score"]).all()
        assert set(scores["detector"]) == {detector}


def test_detectors_agree_with_the_scores_of_dknn(finished_run: Path) -> None:
    for experiment in ("mnist_badnets_5", "mnist_secml_1x50"):
        dknn = pd.concat(
            pd.read_parquet(run_of(finished_run, experiment, seed) / "scores/train.parquet")
            for seed in POISONED[experiment]
        )
        credibility = scores_of(finished_run, experiment, "dknn_paper")["score"]
        np.testing.assert_allclose(credibility, 1 - dknn["credibility"])
        for layer in ("relu1", "relu3"):
            disagreement = scores_of(finished_run, experiment, f"label_disagreement_{layer}")["score"]
            np.testing.assert_allclose(disagreement, 1 - dknn[f"same_label_neighbours_{layer}"] / 10)
        logits = np.concatenate(
            [np.load(run_of(finished_run, experiment, seed) / "logits/train.npy") for seed in (1, 2)]
        )
        softmax = torch.softmax(torch.from_numpy(logits), dim=1).max(dim=1).values
        suspicion = scores_of(finished_run, experiment, "softmax")["score"]
        np.testing.assert_allclose(suspicion - suspicion.iloc[0], softmax[0] - softmax, atol=1e-5)


def test_poisons_of_a_setting_share_clean_images(finished_run: Path) -> None:
    for seed in (1, 2):
        runs = [run_of(finished_run, name, seed) for name in list(POISONED)[:3]]
        for name in ("test", "calibration"):
            first, *others = (load(run / f"data/{name}.npz")["source"] for run in runs)
            assert all((first == other).all() for other in others)
        first, *others = (load(run / "data/train.npz") for run in runs)
        assert len(first["y"]) == 300
        for other in others:
            np.testing.assert_array_equal(other["source"][~other["is_poison"]], first["source"])
            assert not set(other["source"][other["is_poison"]]) & set(first["source"])


def test_backdoors_show_in_images_and_network(finished_run: Path) -> None:
    images = load(finished_run / "results/datasets/mnist.npz")["x"]
    for seed in (1, 2):
        run = run_of(finished_run, "mnist_badnets_5", seed)
        poison, probe = (load(run / f"data/{kind}_badnets_5.npz") for kind in ("poison", "probe"))
        assert len(poison["y"]) == 33  # a tenth of all training images
        for split in (poison, probe):
            assert (split["y"] == 0).all()
            assert (split["y_true"] != 0).all()
            changed = np.abs(split["x"] - images[split["source"]] / np.float32(255)).max(axis=(0, 1)) > 1e-6
            assert 0 < changed.sum() <= 16
        trained = pd.read_csv(finished_run / "results/small/mnist_badnets_5/trained.csv")
        clean = pd.read_csv(finished_run / "results/small/mnist_badnets_5/retrained/perfect.csv")
        assert (trained["attack_success"] > clean["attack_success"] + 0.3).all()


def test_pretrained_networks_train_their_last_layer_alone(finished_run: Path) -> None:
    run = run_of(finished_run, "mnist_transfer_collision", 1)
    before, after = (torch.load(run / f"{name}.pt", weights_only=True) for name in ("pretrained", "model"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}


def test_filters_remove_the_highest_scores(finished_run: Path) -> None:
    for experiment, seeds in POISONED.items():
        for detector in ("label_disagreement_relu3", "random", "perfect"):
            table = pd.read_csv(finished_run / f"results/small/{experiment}/retrained/{detector}.csv")
            assert table["seed"].tolist() == seeds
            scores = scores_of(finished_run, experiment, detector)
            for row in table.to_dict("records"):
                of_seed = scores[scores["seed"] == row["seed"]]
                most = round(0.1 * len(of_seed))
                suspects = of_seed["score"] > of_seed["score"].min()
                assert row["n_poison"] == of_seed["is_poison"].sum()
                if detector == "perfect":
                    assert row["n_removed"] == row["n_poison_removed"] == row["n_poison"]
                    continue
                assert row["n_removed"] == min(most, suspects.sum())
                assert row["n_poison_removed"] <= min(row["n_removed"], row["n_poison"])
                order = np.sort(of_seed["score"])[::-1]
                surely = of_seed["score"] > order[most]
                assert (surely & of_seed["is_poison"]).sum() <= row["n_poison_removed"] or not most


def test_the_poison_bench_agrees_with_scikit_learn(finished_run: Path) -> None:
    table = pd.read_csv(finished_run / "results/small/tables/poison_bench.csv").set_index(
        ["setting", "poison", "detector", "quantity"]
    )
    for experiment in ("mnist_badnets_5", "mnist_secml_1x50"):
        for detector in ("label_disagreement_relu3", "random", "perfect", "mahalanobis"):
            scores = scores_of(finished_run, experiment, detector)
            for quantity, metric in [
                ("auroc", roc_auc_score),
                ("average_precision", average_precision_score),
            ]:
                by_seed = [
                    metric(of_seed["is_poison"], of_seed["score"]) for _, of_seed in scores.groupby("seed")
                ]
                row = table.loc[("mnist", experiment.removeprefix("mnist_"), detector, quantity)]
                assert row["value"] == pytest.approx(np.mean(by_seed), abs=1e-5)
                assert row["ci95_low"] - 1e-5 <= row["value"] <= row["ci95_high"] + 1e-5
                assert row["n_seeds"] == 2
    assert table.loc[("mnist", "badnets_5", "perfect", "auroc"), "value"] == 1
    assert "auroc" not in table.loc[("mnist", "none", "label_disagreement_relu3")].index


@pytest.mark.parametrize("experiment", EVADED)
def test_inputs_of_the_evasion_bench(experiment: str, finished_run: Path) -> None:
    for seed in EVADED[experiment]:
        run = run_of(finished_run, experiment, seed)
        evasion, test = load(run / "data/evasion.npz"), load(run / "data/test.npz")
        record = pd.read_csv(run / "evasion.csv")
        assert record["row"].tolist() == list(range(len(evasion["y"])))
        assert record["input"].value_counts(sort=False).to_dict() == INPUTS
        np.testing.assert_array_equal(evasion["x"][:100], test["x"])
        epsilon = 0.2 if experiment == "evasion_mnist" else 0.1
        for name in ("fgsm", "bim", "ila", "adaptive"):
            rows = (record["input"] == name).to_numpy()
            np.testing.assert_array_equal(evasion["y_true"][rows], test["y_true"][: INPUTS[name]])
            move = np.abs(evasion["x"][rows] - test["x"][: INPUTS[name]]).max(axis=(1, 2, 3))
            assert (move <= epsilon + 2**-23).all()
            assert move.max() > epsilon / 2
        logits = np.load(run / "logits/evasion.npy")
        for detector in DETECTORS["evasion"]:
            scores = scores_of(finished_run, experiment, detector)
            of_seed = scores[scores["seed"] == seed]
            assert of_seed["input"].tolist() == record["input"].tolist()
            np.testing.assert_array_equal(of_seed["dnn_label"], logits.argmax(axis=1))
            of_other_data = of_seed["input"] == "other_data"
            assert (of_seed.loc[of_other_data, "y_true"] == -1).all()
            np.testing.assert_array_equal(
                of_seed.loc[~of_other_data, "y_true"], evasion["y_true"][~of_other_data.to_numpy()]
            )


def test_the_evasion_bench_counts_attacks_that_succeed(finished_run: Path) -> None:
    table = pd.read_csv(finished_run / "results/small/tables/evasion_bench.csv").set_index(
        ["setting", "input", "detector", "quantity"]
    )
    for name in ("fgsm", "rotated", "adaptive"):
        scores = scores_of(finished_run, "evasion_mnist", "softmax")
        by_seed = []
        for seed, of_seed in scores.groupby("seed"):
            run = run_of(finished_run, "evasion_mnist", int(seed))
            label = of_seed["dnn_label"].to_numpy()
            if name == "adaptive":  # whose target is the vote of the neighbours in all layers
                y = load(run / "data/train.npz")["y"]
                rows = [np.load(path) for path in sorted((run / "neighbours/evasion").glob("*.npy"))]
                label = np.array(
                    [np.bincount(y[of_row], minlength=10).argmax() for of_row in np.hstack(rows)]
                )
            right = pd.Series(label == of_seed["y_true"], of_seed.index)
            source = pd.Series(load(run / "data/evasion.npz")["source"], of_seed.index)
            before = set(source[(of_seed["input"] == "clean") & right])
            found = (of_seed["input"] == name) & ~right & source.isin(before)
            kept = of_seed[found | (of_seed["input"] == "clean")]
            if found.any():
                by_seed.append(roc_auc_score(found[kept.index], kept["score"]))
        row = table.loc[("evasion_mnist", name, "softmax", "auroc")]
        assert row["value"] == pytest.approx(np.mean(by_seed), abs=1e-5)


def test_costs_of_every_run(finished_run: Path) -> None:
    for bench, experiments in [("poison", POISONED), ("evasion", EVADED)]:
        for experiment, seeds in experiments.items():
            for detector in DETECTORS[bench]:
                path = finished_run / f"results/small/{experiment}/detectors/{bench}/{detector}.csv"
                costs = pd.read_csv(path)
                assert costs["seed"].tolist() == seeds
                assert (costs[["fit_seconds", "score_seconds"]] >= 0).all(axis=None)
                assert (costs["peak_mb"] > 20).all()
    table = pd.read_csv(finished_run / "results/small/tables/detector_cost.csv")
    shared = {"shared: capture", "shared: search"}
    assert set(table["detector"]) == {*DETECTORS["poison"], *DETECTORS["evasion"]} | shared


@pytest.mark.parametrize(("bench", "experiments"), [("poison", POISONED), ("evasion", EVADED)])
def test_shared_costs_are_those_of_their_jobs(
    bench: str, experiments: dict[str, list[int]], finished_run: Path
) -> None:
    table = pd.read_csv(finished_run / "results/small/tables/detector_cost.csv")
    table = table[table["bench"] == bench].set_index(["detector", "quantity"])
    scored = {"poison": ["train"], "evasion": ["train", "evasion"]}[bench]
    jobs = {
        "shared: capture": [f"extract_layers_{split}" for split in ("calibration", *scored)],
        "shared: search": ["build_index"]
        + [f"search_neighbours_{split}" for split in ("calibration", scored[-1])],
    }
    for step, names in jobs.items():
        seconds = [
            sum(pd.read_csv(run / f"benchmarks/{name}.tsv", sep="\t")["s"].item() for name in names)
            for run in (run_of(finished_run, *of) for of in list_runs(experiments))
        ]
        row = table.loc[(step, "seconds")]
        assert row["n"] == len(seconds)
        assert row[["value", "lowest", "highest"]].tolist() == pytest.approx(
            [np.median(seconds), min(seconds), max(seconds)], rel=1e-5
        )


def test_all_that_tables_hold_has_a_name(finished_run: Path) -> None:
    tables = finished_run / "results/small/tables"
    names = pd.read_csv(tables / "names.csv").fillna("")
    ids = {str(kind): set(of["id"]) for kind, of in names.groupby("kind")}
    poison, evasion = (pd.read_csv(tables / f"{bench}_bench.csv") for bench in ("poison", "evasion"))
    assert {*poison["detector"], *evasion["detector"]} <= ids["detector"]
    assert set(poison["poison"]) <= ids["poison"]
    assert set(evasion["input"]) <= ids["input"]
    assert set(poison["setting"]) <= ids["poison_setting"]
    assert set(evasion["setting"]) <= ids["evasion_setting"]
    title = names.set_index(["kind", "id"])["title"]
    assert title["poison", "badnets_5"] == "BadNets, 10 %"  # as the small configuration has it


@pytest.mark.parametrize("control", ["grey_pixels", "pixel_distance"])
def test_a_control_of_pixels_has_no_rank(control: str, finished_run: Path) -> None:
    ranks = pd.read_csv(finished_run / "results/small/tables/detector_ranks.csv")
    of_pixels = ranks[ranks["detector"] == control]
    assert of_pixels["bench"].tolist() == ["evasion"]
    assert of_pixels[["mean_rank", "group"]].isna().all(axis=None)
    assert of_pixels["auroc"].between(0, 1).all()


def test_activations_are_kept(finished_run: Path) -> None:
    for experiment, seeds in (POISONED | EVADED).items():
        for seed in seeds:
            folder = run_of(finished_run, experiment, seed) / "layers/train"
            assert {path.stem for path in folder.glob("*.npy")} == {"relu1", "relu2", "relu3", "fc"}
