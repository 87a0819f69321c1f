"""What a result says of its run: settings, commit, machine, and whether it is a small run."""

from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from matplotlib import pyplot as plt

from layeraudit.experiments import list_experiments
from layeraudit.figures import save
from layeraudit.provenance import COMMIT, SMALL, describe_machine, describe_run, label, list_runs

DEFAULT: dict[str, Any] = {
    "dataset": "mnist",
    "network": {"method": "report_cnn", "normalisation": None},
    "network_name": "report_cnn",
    "seeds": [1, 2, 3],
    "classes": [1, 9],
    "train": 1000,
    "calibration": 750,
    "test": 1200,
    "epochs": 6,
    "batch_size": 500,
    "poison": "secml",
    "poison_settings": {"method": "secml_gradient", "points": 50},
    "inputs": {},
    "bench": None,
}
NEIGHBOURS = {"k": 75, "metric": "cosine"}


def describe(**changes: Any) -> str:
    return describe_run("mine", {"a": DEFAULT | changes}, NEIGHBOURS, {"a": DEFAULT})


def test_a_run_is_described_by_variant_data_network_k_epochs_and_seeds() -> None:
    assert describe() == (
        "variant mine; k 75 (cosine); mnist, classes 1, 9, 1000 training images + poison secml (points 50), "
        "report_cnn, 6 epochs of 500, seeds 1 to 3"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [1, 3, 7]}, "seeds 1, 3, 7"),
        ({"seeds": [4, 5, 6, 7]}, "seeds 4 to 7"),
        ({"seeds": [7, 6, 5]}, "seeds 7, 6, 5"),
        ({"classes": None}, "mnist, 1000 training images"),
        ({"classes": [3, 8]}, "mnist, classes 3, 8, 1000"),
        ({"network_name": "mine"}, "(points 50), mine, 6 epochs"),
        ({"poison": "", "poison_settings": None}, "1000 training images, report_cnn"),
        ({"bench": "poison"}, "1000 training images, report_cnn"),
        (
            {"poison": "mine", "poison_settings": {"method": "badnets"}},
            "1000 training images + poison mine, report_cnn",
        ),
    ],
)
def test_seeds_and_classes_are_short(changes: dict[str, Any], words: str) -> None:
    assert words in describe(**changes)
    assert SMALL not in describe(**changes)


@pytest.mark.parametrize("changes", [{"seeds": [1, 2]}, {"train": 999}, {"test": 1}, {"epochs": 5}])
def test_fewer_images_epochs_or_seeds_than_by_default_make_a_small_run(changes: dict[str, Any]) -> None:
    assert describe(**changes).startswith(f"{SMALL}: variant mine")


def test_fewer_attacked_images_make_a_small_run() -> None:
    one, two = (DEFAULT | {"inputs": {"fgsm": {"images": images}}} for images in (10, 20))
    assert describe_run("mine", {"a": one}, NEIGHBOURS, {"a": two}).startswith(SMALL)
    assert not describe_run("mine", {"a": two}, NEIGHBOURS, {"a": two}).startswith(SMALL)


def test_an_experiment_that_the_default_has_not_is_not_small() -> None:
    own = describe_run("mine", {"mine": DEFAULT | {"train": 1}}, NEIGHBOURS, {"a": DEFAULT})
    assert own.startswith("variant mine")


def test_inputs_that_the_default_has_not_make_no_small_run() -> None:
    shown = DEFAULT | {"inputs": {"mine": {"images": 1}}}
    assert not describe_run("mine", {"a": shown}, NEIGHBOURS, {"a": DEFAULT}).startswith(SMALL)


def test_every_experiment_of_the_configuration_can_be_described() -> None:
    configuration = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    experiments = list_experiments(configuration)
    run = describe_run("report", experiments, NEIGHBOURS, experiments)
    assert run.startswith("variant report; k 75 (cosine); mnist, 60000 training images, report_cnn, ")


def test_experiments_with_the_same_settings_are_described_once() -> None:
    both = describe_run("mine", {"a": DEFAULT, "b": DEFAULT}, NEIGHBOURS, {"a": DEFAULT})
    assert both == describe()


def test_the_commit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMMIT, "commit abc1234 (2026-11-29)")
    assert describe_machine().startswith("commit abc1234 (2026-11-29), ")
    monkeypatch.setenv(COMMIT, "")
    assert describe_machine().startswith("no commit, ")


def test_a_table_names_its_run_in_every_row_and_gives_it_back() -> None:
    one, other = (label(pd.DataFrame({"value": [1.0, 2.0]}), run) for run in ("one", "other"))
    assert list(one.columns) == ["value", "run"]
    assert one["run"].nunique() == 1
    assert [run.split(";")[0] for run in list_runs([one, other, one, pd.DataFrame({"value": [1]})])] == [
        "one",
        "other",
    ]


@pytest.mark.parametrize("small", [True, False])
def test_a_figure_names_its_run_and_says_in_large_letters_that_it_is_small(small: bool, tmp_path) -> None:
    figure, _ = plt.subplots()
    run = (f"{SMALL}: " if small else "") + "variant mine; k 75"
    save(figure, [run], [tmp_path / "figure.svg", tmp_path / "figure.png"])
    text = (tmp_path / "figure.svg").read_text()
    assert "variant mine; k 75" in text
    assert (f"{SMALL}: no result" in text) == small
    sizes = {str(part.get_text()): part.get_fontsize() for part in figure.texts}
    assert all(size > 15 for words, size in sizes.items() if words.endswith("no result"))
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
