"""The tables and figures of the benches, on scores laid out by hand."""

from collections.abc import Sequence
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import run_programs
from sklearn.metrics import roc_auc_score

from layeraudit.detection import BETWEEN_ROWS, BETWEEN_SEEDS_AND_ROWS
from layeraudit.errors import InputError
from layeraudit.experiments import CONTROLS
from layeraudit.figures import save
from layeraudit.leaderboard.benches import (
    EVASION,
    POISON,
    gather_experiments,
    read_shared_costs,
    stream_scores,
    summarize_costs,
    tabulate_detection,
    tabulate_filters,
    tabulate_poison,
    tabulate_removal,
)
from layeraudit.leaderboard.detector_ranks import rank_detectors
from layeraudit.leaderboard.figures.benches import plot_auroc, plot_filters
from layeraudit.leaderboard.figures.critical_difference import plot_ranks

STUDENT_2 = 12.706204736432095  # t(0.975) with 1 degree of freedom, of the tables

DETECTORS = ("loss", "margin", "distance", "random", "perfect")

TITLES = {
    "detector": {"loss": "Loss", "margin": "Margin, fc", "distance": "Distance", "random": "Random"}
    | {"perfect": "Perfect"},
    "poison": {"badnets": "BadNets", "badnets_5": "BadNets, 5 %", "blended": "Blended", "flips": "Flips"}
    | {"none": "No poison", "none_5": "None, 5 %"},
    "poison_setting": {"mnist": "MNIST"},
}

NAMES = pd.DataFrame(
    [(kind, name, title) for kind, titles in TITLES.items() for name, title in titles.items()],
    columns=["kind", "id", "title"],
)

SKILL = {"loss": 2.0, "margin": 1.0, "distance": 0.0}


def score_rows(
    detector: str,
    *,
    poison: str = "badnets",
    setting: str = "mnist",
    seeds: Sequence[int] = (1, 2),
    n: int = 40,
    n_poison: int = 10,
) -> pd.DataFrame:
    """Lay out what a detector says of training rows; the last of them are poison."""
    tables = []
    for seed in seeds:
        generator = np.random.default_rng([*f"{detector} {poison} {setting}".encode(), seed])
        is_poison = np.arange(n) >= n - n_poison
        score = generator.normal(size=n) + SKILL.get(detector, 0.0) * is_poison
        if detector == "perfect":
            score = is_poison.astype(float)
        of_seed = {"seed": seed, "row": np.arange(n), "y": 1, "y_true": 1, "is_poison": is_poison}
        tables.append(
            pd.DataFrame(
                {"setting": setting, "poison": poison, "detector": detector, **of_seed, "score": score}
            )
        )
    return pd.concat(tables, ignore_index=True)


def score_all(*, poisons: Sequence[str] = ("badnets",), **options: Any) -> list[pd.DataFrame]:
    return [score_rows(detector, poison=poison, **options) for poison in poisons for detector in DETECTORS]


def score_inputs(detector: str, inputs: dict[str, tuple[list[float], list[bool]]]) -> pd.DataFrame:
    """Lay out what a detector says of images: by input their scores, and which the network errs on."""
    tables = [
        pd.DataFrame(
            {"setting": "evasion_mnist", "input": name, "detector": detector, "seed": 1}
            | {"row": np.arange(len(scores)), "score": scores}
            | {"is_suspect": name != "clean" and (np.array(errs) | (name == "rotated"))}
        )
        for name, (scores, errs) in inputs.items()
    ]
    return pd.concat(tables, ignore_index=True)


def train_rows(**columns: Any) -> pd.DataFrame:
    """Lay out what is said of two networks, one of each seed."""
    rows = {"setting": "mnist", "poison": "badnets", "seed": [1, 2], "n_training": 100, "n_poison": 10}
    rows |= {"n_test": 1000, "n_probe": 500, "detector": "unfiltered", "n_removed": 0, "n_poison_removed": 0}
    return pd.DataFrame(rows | columns)


def pick(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def test_an_experiment_holds_all_detectors_in_one_order() -> None:
    tables = score_all()
    shuffled = [table.sample(frac=1, random_state=number) for number, table in enumerate(tables)]
    (experiment,), (in_order,) = (gather_experiments(given, POISON) for given in (shuffled, tables))
    assert (experiment.setting, experiment.kind, experiment.seeds) == ("mnist", "badnets", (1, 2))
    assert experiment.detectors == tuple(sorted(DETECTORS))
    for first, second in zip(
        experiment.scores + experiment.positive, in_order.scores + in_order.positive, strict=True
    ):
        np.testing.assert_array_equal(first, second)
    loss = pick(tables[0], seed=2).sort_values("row")
    np.testing.assert_array_equal(experiment.scores[1][experiment.detectors.index("loss")], loss["score"])


def test_one_table_may_hold_all_detectors_and_experiments() -> None:
    tables = score_all(poisons=["badnets", "blended"])
    apart, together = gather_experiments(tables, POISON), gather_experiments([pd.concat(tables)], POISON)
    assert [[one.kind for one in found] for found in (apart, together)] == [["badnets", "blended"]] * 2
    np.testing.assert_array_equal(apart[1].scores[0], together[1].scores[0])


def test_detection_is_the_mean_over_seeds_with_its_counts() -> None:
    table = tabulate_detection(gather_experiments(score_all(), POISON), POISON)
    row = pick(table, detector="margin", quantity="auroc").iloc[0]
    rows = score_rows("margin")
    by_seed = [roc_auc_score(of["is_poison"], of["score"]) for _, of in rows.groupby("seed")]
    assert row["value"] == pytest.approx(np.mean(by_seed))
    assert row["ci95_low"] < row["value"] < row["ci95_high"]
    assert (row["n_points"], row["n_positives"], row["n_seeds"]) == (80, 20, 2)
    assert row["interval"] == BETWEEN_SEEDS_AND_ROWS


def test_the_perfect_control_finds_all() -> None:
    table = tabulate_detection(gather_experiments(score_all(), POISON), POISON)
    found = pick(table, detector="perfect").set_index("quantity")[["value", "ci95_low", "ci95_high"]]
    assert (found.loc[["auroc", "average_precision", "tpr_at_5_fpr"]] == 1).all(axis=None)
    assert (found.loc["fpr_at_95_tpr"] == 0).all()


def test_one_seed_has_an_interval_over_its_rows() -> None:
    table = tabulate_detection(gather_experiments(score_all(seeds=[4]), POISON), POISON)
    row = pick(table, detector="margin", quantity="auroc").iloc[0]
    assert row["ci95_low"] < row["value"] < row["ci95_high"]
    assert (row["interval"], row["n_seeds"]) == (BETWEEN_ROWS, 1)


def test_without_poison_there_is_no_row() -> None:
    tables = score_all() + score_all(poisons=["none"], n_poison=0)
    table = tabulate_detection(gather_experiments(tables, POISON), POISON)
    assert set(table["poison"]) == {"badnets"}
    nothing = tabulate_detection(gather_experiments(score_all(poisons=["none"], n_poison=0), POISON), POISON)
    assert nothing.empty
    assert list(nothing.columns) == list(table.columns)


def test_only_successful_attacks_are_positive() -> None:
    inputs = {
        "clean": ([0.0, 1.0], [True, False]),
        "fgsm": ([2.0, -1.0, 0.5], [True, False, True]),
        "rotated": ([2.0, -1.0, 0.5], [True, False, True]),
    }
    table = tabulate_detection(gather_experiments([score_inputs("softmax", inputs)], EVASION), EVASION)
    auroc = pick(table, quantity="auroc").set_index("input")
    # 2.0 passes both clean images, 0.5 one of them, and -1.0, which counts for rotated images alone, none.
    assert auroc["value"].to_dict() == pytest.approx({"fgsm": 3 / 4, "rotated": 3 / 6})
    assert auroc["n_positives"].to_dict() == {"fgsm": 2, "rotated": 3}
    assert auroc["n_points"].to_dict() == {"fgsm": 4, "rotated": 5}


def test_an_unsuccessful_attack_has_no_rows() -> None:
    inputs = {"clean": ([0.0, 1.0], [False, False]), "cw": ([2.0], [False]), "bim": ([2.0], [True])}
    table = tabulate_detection(gather_experiments([score_inputs("softmax", inputs)], EVASION), EVASION)
    assert set(table["input"]) == {"bim"}


def test_a_detector_missing_in_an_experiment_is_an_input_error() -> None:
    tables = score_all(poisons=["badnets", "blended"])[:-1]
    with pytest.raises(InputError, match=r"^perfect has no scores of mnist blended, seed 1, allowed are "):
        gather_experiments(tables, POISON)


def test_a_detector_missing_in_a_seed_is_an_input_error() -> None:
    tables = [score_rows("loss"), score_rows("margin", seeds=[1])]
    with pytest.raises(InputError, match=r"^margin has no scores of mnist badnets, seed 2"):
        gather_experiments(tables, POISON)


@pytest.mark.parametrize("change", [{"n": 41}, {"n_poison": 11}])
def test_scores_of_other_rows_are_an_input_error(change: dict[str, int]) -> None:
    tables = [score_rows("loss"), score_rows("margin", **change)]
    with pytest.raises(InputError, match=r"^margin has other rows than loss in mnist badnets, seed 1"):
        gather_experiments(tables, POISON)


def test_scores_given_twice_are_an_input_error() -> None:
    with pytest.raises(InputError, match=r"^loss is there twice in mnist badnets, seed 1"):
        gather_experiments([score_rows("loss")] * 2, POISON)


def test_inputs_without_clean_images_are_an_input_error() -> None:
    scores = score_inputs("softmax", {"fgsm": ([1.0], [True])})
    with pytest.raises(InputError, match=r"^softmax has no clean images in evasion_mnist, seed 1"):
        gather_experiments([scores], EVASION)


def test_files_without_scores_are_an_input_error(tmp_path: Path) -> None:
    broken, lacking, empty_score = (tmp_path / f"{name}.parquet" for name in ("broken", "lacking", "nan"))
    broken.write_bytes(b"PAR1")
    score_rows("loss").drop(columns="is_poison").to_parquet(lacking)
    score_rows("loss").assign(score=np.nan).to_parquet(empty_score)
    with pytest.raises(InputError, match="missing.parquet does not exist"):
        next(stream_scores([tmp_path / "missing.parquet"], POISON))
    for path, words in [(broken, "is not a whole"), (lacking, "is_poison"), (empty_score, "score of NaN")]:
        with pytest.raises(InputError, match=words):
            next(stream_scores([path], POISON))


def test_filters_before_after_and_change() -> None:
    trained = train_rows(accuracy=[0.96, 0.98], attack_success=[0.9, 0.7])
    removed = {"n_training": 90, "n_removed": 10, "accuracy": [0.95, 0.97]}
    retrained = pd.concat(
        [
            train_rows(**removed, detector="loss", n_poison_removed=[8, 6], attack_success=[0.2, 0.4]),
            train_rows(**removed, detector="random", n_poison_removed=1, attack_success=[0.8, 0.6]),
        ]
    )
    table = tabulate_filters(trained, retrained)
    of_loss = pick(table, detector="loss").set_index("quantity")
    expected = {
        "accuracy_before": 0.97,
        "accuracy_after": 0.96,
        "accuracy_change": -0.01,
        "accuracy_after_against_random": 0.0,
        "success_before": 0.8,
        "success_after": 0.3,
        "success_change": -0.5,
        "success_after_against_random": -0.4,
    }
    assert of_loss["value"].to_dict() == pytest.approx(expected)
    counts = {"accuracy_after": 2000, "success_after": 1000}
    assert of_loss.loc[list(counts), "n_points"].to_dict() == counts
    assert set(table["n_positives"]) == {20}
    assert set(table["interval"]) == {"Student's t over seeds"}
    # The changes of the seeds are -0.7 and -0.3: half as wide as t times 0.2, and no success is less than 0.
    low, high = of_loss.loc["success_change", ["ci95_low", "ci95_high"]]
    assert (low, high) == (-1, 1)
    low, high = of_loss.loc["accuracy_before", ["ci95_low", "ci95_high"]]
    assert (low, high) == pytest.approx((0.97 - STUDENT_2 * 0.01, 1))
    assert "accuracy_after_against_random" not in set(pick(table, detector="random")["quantity"])


def test_filters_against_random_are_paired_by_seed() -> None:
    trained = train_rows(accuracy=0.9, attack_success=0.5)
    of_loss = train_rows(detector="loss", accuracy=[0.5, 0.9], attack_success=[0.1, 0.3])
    of_random = train_rows(detector="random", accuracy=[0.4, 0.8], attack_success=[0.2, 0.4])
    table = tabulate_filters(trained, pd.concat([of_loss, of_random.iloc[::-1]]))
    row = pick(table, detector="loss", quantity="accuracy_after_against_random").iloc[0]
    assert row[["value", "ci95_low", "ci95_high"]].tolist() == pytest.approx([0.1, 0.1, 0.1])


def test_without_a_probe_filters_have_accuracy_alone() -> None:
    columns: dict[str, Any] = {"poison": "none", "n_poison": 0, "n_probe": 0}
    trained = train_rows(**columns, accuracy=0.9, attack_success=np.nan)
    retrained = train_rows(**columns, accuracy=0.8, attack_success=np.nan, detector="random", n_removed=10)
    table = tabulate_filters(trained, retrained)
    assert set(table["quantity"]) == {"accuracy_before", "accuracy_after", "accuracy_change"}


@pytest.mark.parametrize(("kept", "missing"), [("random", "unfiltered"), ("unfiltered", "random")])
def test_filters_without_a_baseline_are_an_input_error(kept: str, missing: str) -> None:
    rows = [train_rows(accuracy=0.9, attack_success=0.5, detector=name) for name in ("loss", "random")]
    retrained = pd.concat(rows if kept == "random" else rows[:1])
    trained = train_rows(accuracy=0.9, attack_success=0.5).iloc[: 1 if kept == "random" else 2]
    with pytest.raises(
        InputError, match=rf"^loss was retrained in mnist badnets, seed [12], where {missing}"
    ):
        tabulate_filters(trained, retrained)


def test_the_poison_bench_holds_detection_and_filters() -> None:
    experiments = gather_experiments(score_all(), POISON)
    trained = [train_rows(accuracy=0.9, attack_success=0.5)]
    retrained = [train_rows(accuracy=0.9, attack_success=0.5, detector=name) for name in ("loss", "random")]
    table = tabulate_poison(experiments, trained, retrained, share=0.1)
    of_loss = list(pick(table, detector="loss")["quantity"])
    assert of_loss[:3] == ["auroc", "average_precision", "fpr_at_95_tpr"]
    assert of_loss[3:6] == ["poison_removed", "clean_removed", "accuracy_before"]
    assert "tpr_at_5_fpr" not in of_loss
    assert set(tabulate_poison(experiments, [], [], share=0.1)["quantity"]) == set(of_loss[:5])
    assert tabulate_poison([], [], [], share=0.1).empty


def test_removal_counts_poison_and_clean_rows() -> None:
    """Ten of 40 rows are poison, and a quarter may go: by hand, the ten highest scores of each seed."""
    table = tabulate_removal(gather_experiments(score_all(), POISON), 0.25)
    for detector in ("loss", "margin", "distance"):
        of_seeds = score_rows(detector).groupby("seed")
        removed = [rows.nlargest(10, "score")["is_poison"].sum() for _, rows in of_seeds]
        found = pick(table, detector=detector).set_index("quantity")
        assert found.loc["poison_removed", "value"] == pytest.approx(np.mean(removed) / 10)
        assert found.loc["clean_removed", "value"] == pytest.approx((10 - np.mean(removed)) / 30)
        assert found["n_points"].to_dict() == {"poison_removed": 20, "clean_removed": 60}
    perfect = pick(tabulate_removal(gather_experiments(score_all(), POISON), 0.01), detector="perfect")
    assert perfect.set_index("quantity")["value"].to_dict() == {"poison_removed": 1, "clean_removed": 0}


def rank(*, poisons: Sequence[str], **options: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rank_detectors(gather_experiments(score_all(poisons=poisons, **options), POISON), POISON)


def test_ranks_with_controls_last() -> None:
    ranks, comparisons = rank(poisons=["badnets", "blended", "flips"], n=400, n_poison=100)
    assert list(ranks["detector"]) == ["loss", "margin", "distance", "random", "perfect"]
    assert ranks["mean_rank"].tolist()[:3] == [1, 2, 3]
    assert ranks["group"].tolist()[:3] == ["a", "b", "c"]
    assert ranks[["mean_rank", "group", "friedman_p"]].iloc[3:].isna().all(axis=None)
    assert ranks["auroc"].iloc[-1] == 1
    assert set(ranks["n_blocks"]) == {3}
    assert set(ranks["n_seeds"]) == {2}
    assert ((ranks["ci95_low"] <= ranks["auroc"]) & (ranks["auroc"] <= ranks["ci95_high"])).all()
    pairs = list(comparisons[["first", "second"]].itertuples(index=False, name=None))
    assert pairs == [("loss", "margin"), ("loss", "distance"), ("margin", "distance")]
    auroc = ranks.set_index("detector")["auroc"]
    differences = [auroc[first] - auroc[second] for first, second in pairs]
    assert comparisons["value"].tolist() == pytest.approx(differences)


def test_identical_detectors_do_not_differ() -> None:
    tables = score_all(poisons=["badnets", "blended"])
    twins = [table.assign(detector="twin") for table in tables if table["detector"].iloc[0] == "margin"]
    ranks, comparisons = rank_detectors(gather_experiments(tables + twins, POISON), POISON)
    row = pick(comparisons, first="margin", second="twin").iloc[0]
    assert row[["value", "ci95_low", "ci95_high"]].tolist() == [0, 0, 0]
    means = ranks.set_index("detector")
    assert means.loc["margin", "mean_rank"] == means.loc["twin", "mean_rank"]
    assert means.loc["margin", "group"] == means.loc["twin", "group"]


def test_differences_are_paired_by_row() -> None:
    # Two scores that differ a little are right and wrong on the same rows.
    tables = score_all(n=200, n_poison=50, seeds=[1])
    generator = np.random.default_rng(0)
    margin = tables[1]
    near = margin.assign(detector="near", score=margin["score"] + 0.05 * generator.normal(size=200))
    ranks, comparisons = rank_detectors(gather_experiments([*tables, near], POISON), POISON)
    width = ranks.set_index("detector").eval("ci95_high - ci95_low")["margin"]
    both = comparisons[comparisons[["first", "second"]].isin(["margin", "near"]).all(axis=1)].iloc[0]
    assert both["ci95_high"] - both["ci95_low"] < width / 4


def test_one_experiment_ranks_without_a_test() -> None:
    ranks, comparisons = rank(poisons=["badnets"])
    assert ranks["mean_rank"].notna().sum() == 3
    assert ranks["friedman_p"].isna().all()
    assert set(ranks["group"].iloc[:3]) == {""}
    assert comparisons["p_conover_holm"].isna().all()
    assert comparisons["value"].notna().all()


def test_an_empty_bench_has_empty_tables() -> None:
    ranks, comparisons = rank_detectors([], POISON)
    assert ranks.empty
    assert comparisons.empty
    assert "mean_rank" in ranks.columns


def test_cost_is_the_median_over_runs_with_extremes() -> None:
    costs = pd.DataFrame(
        {
            "bench": POISON,
            "detector": "loss",
            "fit_seconds": [1.0, 5.0, 2.0],
            "score_seconds": [2.0, 4.0, 8.0],
        }
        | {"peak_mb": np.nan, "n_scored": [1000, 1000, 4000]}
    )
    table = summarize_costs([costs]).set_index("quantity")
    assert table.loc["fit_seconds", ["value", "lowest", "highest", "n"]].tolist() == [2, 1, 5, 3]
    assert table.loc["microseconds_a_row", ["value", "lowest", "highest"]].tolist() == [2000, 2000, 4000]
    assert table.loc["seconds", ["value", "lowest", "highest", "n"]].tolist() == [9, 3, 10, 3]
    assert "peak_mb" not in table.index
    assert summarize_costs([]).empty


def write_benchmark(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:09\t100.5\n")
    return path


def test_shared_cost_is_the_sum_over_jobs_of_a_run(tmp_path: Path) -> None:
    paths = [
        write_benchmark(tmp_path / f"mnist_badnets/seed{seed}/benchmarks/{job}.tsv", seconds)
        for seed, job, seconds in [(1, "train", 2.0), (1, "calibration", 1.5), (2, "train", 4.0)]
    ]
    shared = read_shared_costs(paths, POISON, "capture")
    assert shared.to_dict("list") == {
        "bench": [POISON] * 2,
        "detector": ["shared: capture"] * 2,
        "seconds": [3.5, 4.0],
    }
    table = summarize_costs([shared]).set_index(["detector", "quantity"])
    row = table.loc[("shared: capture", "seconds"), ["value", "lowest", "highest", "n"]]
    assert row.tolist() == [3.75, 3.5, 4.0, 2]
    assert len(table) == 1


def test_a_broken_benchmark_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "run/benchmarks/search.tsv"
    with pytest.raises(InputError, match=r"search\.tsv does not exist$"):
        read_shared_costs([path], POISON, "search")
    for text in ["", "seconds\n1\n", "s\n", "s\nlong\n"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        with pytest.raises(InputError, match=r"search\.tsv is no benchmark of Snakemake"):
            read_shared_costs([path], POISON, "search")


def write_scores(folder: Path, tables: Sequence[pd.DataFrame]) -> list[Path]:
    paths = [folder / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        table.to_parquet(path, index=False)
    return paths


RUN = "--run=variant test"


@pytest.mark.slow
def test_programs_write_the_same_bytes_again(tmp_path: Path) -> None:
    scores = write_scores(tmp_path, score_all(poisons=["badnets", "blended", "none_5"]))
    trained, retrained, costs = (tmp_path / f"{name}.csv" for name in ("trained", "retrained", "costs"))
    unfiltered = train_rows(accuracy=[0.9, 0.8], attack_success=0.5)
    unfiltered.to_csv(trained, index=False)
    pd.concat([unfiltered.assign(detector=name) for name in ("loss", "random")]).to_csv(
        retrained, index=False
    )
    pd.DataFrame(
        {"detector": ["loss"], "fit_seconds": 1, "score_seconds": 1, "peak_mb": 1, "n_scored": 9}
    ).to_csv(costs, index=False)
    names, capture = tmp_path / "names.csv", write_benchmark(tmp_path / "run/benchmarks/capture.tsv", 2.5)
    NAMES.to_csv(names, index=False)

    def make(folder: Path) -> dict[str, bytes]:
        table, ranks, pairs, cost = (folder / f"{name}.csv" for name in ("bench", "ranks", "pairs", "cost"))
        figures = {
            name: [folder / f"{name}.{form}" for form in ("svg", "png")]
            for name in ("bench", "difference", "filters")
        }
        bench, difference, filters = (["--svg", svg, "--png", png] for svg, png in figures.values())
        of_ranks = ["--ranks", ranks, "--names", names, f"--bench={POISON}"]
        networks = ["--trained", trained, "--retrained", retrained, "--share=0.1"]
        costs_of_poison = ["--poison", costs, "--capture-poison", capture, "--search-poison", "--evasion"]
        _, errors = run_programs(
            (
                "leaderboard/tabulate_poison_bench.py",
                ["--scores", *scores, *networks, "--table", table, RUN],
            ),
            (
                "leaderboard/rank_detectors.py",
                ["--poison", *scores, "--evasion", "--ranks", ranks, "--comparisons", pairs, RUN],
            ),
            (
                "leaderboard/tabulate_cost.py",
                [*costs_of_poison, "--capture-evasion", "--search-evasion", "--table", cost, RUN],
            ),
            ("leaderboard/plot_bench.py", ["--table", table, *of_ranks, *bench]),
            ("leaderboard/plot_critical_difference.py", [*of_ranks, "--comparisons", pairs, *difference]),
            ("leaderboard/plot_remove_and_retrain.py", ["--table", table, "--names", names, *filters]),
        )
        assert errors == []
        made = [table, ranks, pairs, cost, *chain.from_iterable(figures.values())]
        return {path.name: path.read_bytes() for path in made}

    assert make(tmp_path / "once") == make(tmp_path / "again")


@pytest.mark.slow
def test_programs_end_in_a_sentence_or_an_empty_table(tmp_path: Path) -> None:
    scores = write_scores(tmp_path, score_all(poisons=["badnets", "blended"])[:-1])
    without_networks = ["--trained", "--retrained", "--share=0.1", RUN]
    kinds = [f"--{kind}{bench}" for kind in ("", "capture-", "search-") for bench in (POISON, EVASION)]
    _, errors = run_programs(
        (
            "leaderboard/tabulate_poison_bench.py",
            ["--scores", *scores, *without_networks, "--table", tmp_path / "bench.csv"],
        ),
        (
            "leaderboard/tabulate_evasion_bench.py",
            ["--scores", "--table", tmp_path / "nothing.csv", RUN],
        ),
        ("leaderboard/tabulate_cost.py", [*kinds, "--table", tmp_path / "cost.csv", RUN]),
    )
    (error,) = errors
    assert "perfect has no scores of mnist blended, seed 1" in error
    assert pd.read_csv(tmp_path / "nothing.csv").empty


def read_back(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table as a program reads it, where an empty text is NaN."""
    return pd.read_csv(StringIO(table.to_csv(index=False)))


def test_plot_auroc_names_every_detector_and_experiment(tmp_path: Path) -> None:
    experiments = gather_experiments(score_all(poisons=["badnets_5", "blended"]), POISON)
    table = read_back(tabulate_poison(experiments, [], [], share=0.1))
    ranks, _ = map(read_back, rank_detectors(experiments, POISON))
    save(plot_auroc(table, ranks, NAMES, POISON), [], [tmp_path / "map.svg"])
    drawn = (tmp_path / "map.svg").read_text()
    rows = pick(table, quantity="auroc")
    for text in [
        "Loss (",
        "Margin, fc (",
        "Random (control)",
        "BadNets, 5 %",
        ">MNIST<",
        "20 of 80; 2 seeds",
        "mean rank in 2 experiments",
    ]:
        assert text in drawn
    for value in rows["value"]:
        assert f"{value:.2f}" in drawn


def test_plot_auroc_marks_controls() -> None:
    columns = {"bench": POISON, "auroc": 0.5, "mean_rank": np.nan, "n_blocks": 1}
    ranks = pd.DataFrame([{"detector": name} | columns for name in CONTROLS])
    columns = {"setting": "mnist", "poison": "badnets", "quantity": "auroc", "value": 0.5}
    columns |= {"n_points": 4, "n_positives": 2, "n_seeds": 1}
    table = pd.DataFrame([{"detector": name} | columns for name in CONTROLS])
    titles = {"grey_pixels": "Grey pixels", "pixel_distance": "Distance"}
    pixels = pd.DataFrame([("detector", *title) for title in titles.items()], columns=NAMES.columns)
    axes = plot_auroc(table, ranks, pd.concat([NAMES, pixels]), POISON).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [f"{title} (control)" for title in ("Random", "Perfect", "Grey pixels", "Distance")]


@pytest.mark.parametrize("poisons", [["badnets"], ["badnets", "blended", "flips"], []])
def test_plot_ranks_says_what_was_tested(tmp_path: Path, poisons: list[str]) -> None:
    ranks, comparisons = map(read_back, rank(poisons=poisons, n=200, n_poison=50))
    save(plot_ranks(ranks, comparisons, NAMES, POISON), [], [tmp_path / "ranks.svg"])
    drawn = (tmp_path / "ranks.svg").read_text()
    experiments = {0: "0 experiments", 1: "1 experiment", 3: "3 experiments"}[len(poisons)]
    assert f"{experiments}, {2 if poisons else 0} seeds" in drawn
    assert ("Margin, fc (" in drawn) == bool(poisons)
    assert ("Friedman p" in drawn) == (len(poisons) > 1)
    assert ("too few detectors or experiments" in drawn) == (len(poisons) < 2)


def test_grey_pixels_are_a_control_in_ranks_and_figures(tmp_path: Path) -> None:
    """It judges inputs alone, better here than any detector, and has no rank and no part in tests."""
    inputs = {"clean": ([0.0, 1.0, 2.0], [False] * 3), "fgsm": ([1.5, 3.0], [True] * 2)}
    tables = [score_inputs(name, inputs) for name in ("loss", "margin", "distance", "grey_pixels")]
    experiments = gather_experiments(tables, EVASION)
    ranks, comparisons = rank_detectors(experiments, EVASION)
    assert ranks["detector"].tolist()[-1] == "grey_pixels"
    assert ranks["mean_rank"].isna().tolist() == [False, False, False, True]
    assert "grey_pixels" not in {*comparisons["first"], *comparisons["second"]}
    evasion = {"detector": ("grey_pixels", "Grey pixels"), "input": ("fgsm", "FGSM")}
    evasion |= {"evasion_setting": ("evasion_mnist", "MNIST")}
    names = pd.DataFrame([(kind, *named) for kind, named in evasion.items()], columns=NAMES.columns)
    names, table = pd.concat([NAMES, names]), tabulate_detection(experiments, EVASION)
    save(plot_auroc(table, ranks, names, EVASION), [], [tmp_path / "map.svg"])
    save(plot_ranks(ranks, comparisons, names, EVASION), [], [tmp_path / "ranks.svg"])
    assert ">Grey pixels (control)<" in (tmp_path / "map.svg").read_text()
    assert "Grey pixels" not in (tmp_path / "ranks.svg").read_text()


def test_a_detector_without_a_name_is_an_input_error() -> None:
    ranks, comparisons = rank(poisons=["badnets"])
    names = NAMES[NAMES["id"] != "margin"]
    with pytest.raises(InputError, match=r"^'margin' is no detector of names\.csv"):
        plot_ranks(ranks, comparisons, names, POISON)


def test_figures_without_rows_say_so(tmp_path: Path) -> None:
    nothing = tabulate_poison([], [], [], share=0.1)
    ranks, _ = rank_detectors([], POISON)
    save(plot_auroc(nothing, ranks, NAMES, POISON), [], [tmp_path / "map.svg"])
    save(plot_filters(nothing, NAMES), [], [tmp_path / "filters.svg"])
    assert "no experiment" in (tmp_path / "map.svg").read_text()
    assert "no network was" in (tmp_path / "filters.svg").read_text()


def test_plot_filters_without_an_attack_shows_accuracy(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"poison": "none", "n_poison": 0, "n_probe": 0, "attack_success": np.nan}
    trained = train_rows(**columns, accuracy=[0.9, 0.92])
    table = tabulate_filters(trained, train_rows(**columns, accuracy=[0.8, 0.84], detector="random"))
    save(plot_filters(read_back(table), NAMES), [], [tmp_path / "filters.svg"])
    drawn = (tmp_path / "filters.svg").read_text()
    for text in ["no attack", "MNIST: No poison, 2 seeds", "No filter", "Random (control)", "n = 2,000"]:
        assert text in drawn
