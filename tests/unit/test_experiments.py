"""Every run of a configuration has what the rules look up, whatever it is of."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from layeraudit.experiments import PUBLISHED, REPORTED, is_as_reported, list_as_published, list_experiments

CONFIGURATION = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
EXPERIMENTS = list_experiments(CONFIGURATION)
OF_ALL = [
    *("dataset", "network", "seeds", "digits", "train", "calibration", "test", "epochs", "batch_size"),
    *("pretraining", "attack", "poison", "bench", "setting"),
]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_all_experiments_have_the_same_keys(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert set(OF_ALL) <= set(experiment)
    assert set(experiment["attack"]) == {"digits", "part", "sources", "validation"}
    assert ("method" in experiment) == (experiment["bench"] == "poison")
    assert ("inputs" in experiment) == ("adaptive" in experiment)
    assert ("inputs" in experiment) == (experiment["bench"] == "evasion" or name == "clean")


def test_experiments_of_the_report_are_as_the_configuration_has_them() -> None:
    for name, settings in CONFIGURATION["experiments"].items():
        assert {key: EXPERIMENTS[name][key] for key in OF_ALL[:9]} == {
            key: settings[key] for key in OF_ALL[:9]
        }
        kind = {"secml": "poison", "label_flips": "flips"}[settings["poison_kind"]]
        poison = f"{kind}_{settings['poison']}" if settings["poison"] else None
        assert (EXPERIMENTS[name]["poison"], EXPERIMENTS[name]["bench"]) == (poison, None)
        assert EXPERIMENTS[name]["attack"]["part"] == settings["poison_part"]


def test_a_bench_has_every_poison_of_every_setting() -> None:
    expected = {
        f"{setting}_{poison}": (setting, poison)
        for setting, settings in CONFIGURATION["benches"]["poison"]["settings"].items()
        for poison in settings["poisons"]
    }
    found = {name: of for name, of in EXPERIMENTS.items() if of["bench"] == "poison"}
    assert {name: (of["setting"], of["name"]) for name, of in found.items()} == expected
    badnets = found["mnist_badnets_5"]
    assert badnets["method"] == "badnets"
    assert badnets["options"] == {"rate": 0.05, "target": 0, "size": 4}
    assert found["mnist_transfer_collision"]["pretraining"] == 5000


def test_the_attack_on_dknn_is_one_ball_in_the_evasion_bench() -> None:
    adaptive: dict[str, Any] = EXPERIMENTS["evasion_fashion"]["adaptive"]
    assert (adaptive["epsilons"], adaptive["radii"], adaptive["images"]) == ([0.1], [], 100)
    assert adaptive["intermediate_level"]["steps"] == 0
    assert adaptive["guides"] == CONFIGURATION["adaptive"]["guides"]
    assert EXPERIMENTS["clean"]["adaptive"] == CONFIGURATION["adaptive"]


def change(**values: Any) -> dict[str, Any]:
    """Change values of the default configuration, each under its keys joined by two underscores."""
    changed = deepcopy(CONFIGURATION)
    for keys, value in values.items():
        *path, last = keys.split("__")
        within = changed
        for key in path:
            within = within[key]
        assert within[last] != value
        within[last] = value
    return changed


OTHERS_THAN_REPORTED = [
    ({}, set()),
    ({"experiments__two_digits__train": 500, "experiments__ten_digits__epochs": 1}, set()),
    ({"experiments__two_digits__digits": [9, 1], "poison__digits": [9, 1]}, set()),  # in any order
    ({"experiments__two_digits__digits": [3, 8]}, {"two_digits"}),
    ({"experiments__two_digits__poison": 6}, {"two_digits"}),
    ({"experiments__ten_digits__poison": 6}, {"ten_digits"}),
    ({"experiments__ten_digits__digits": [1, 9]}, {"ten_digits"}),
    ({"experiments__clean__dataset": "fashion_mnist"}, {"clean"}),
    ({"poison__digits": [3, 8]}, set(REPORTED)),
    ({"poison__radius": 1.0}, set(REPORTED)),
    ({"poison__distance": "l1"}, set(REPORTED)),
    ({"neighbours__k": 50}, set(REPORTED)),
]


@pytest.mark.parametrize(("changes", "others"), OTHERS_THAN_REPORTED)
def test_an_experiment_is_the_reports_by_its_data_poison_and_k(
    changes: dict[str, Any], others: set[str]
) -> None:
    configuration = change(**changes)
    assert {name for name in REPORTED if not is_as_reported(configuration, name)} == others


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, set()),
        ({"inputs__fgsm__images": 60, "inputs__cw__steps": 3, "experiments__clean__train": 400}, set()),
        ({"inputs__fgsm__epsilon": 0.1}, {"fgsm"}),
        ({"inputs__bim__epsilon": 0.1}, {"bim"}),
        ({"inputs__bim__steps": 30}, {"bim"}),
        ({"inputs__bim__step": 0.1}, {"bim"}),
        ({"inputs__cw__confidence": 1}, {"cw"}),
        ({"inputs__rotated__degrees": 30}, {"rotated"}),
        ({"experiments__clean__digits": [1, 9]}, set(PUBLISHED)),
        ({"neighbours__k": 10}, set(PUBLISHED)),
    ],
)
def test_an_input_is_the_papers_by_its_settings_the_digits_and_k(
    changes: dict[str, Any], others: set[str]
) -> None:
    assert set(PUBLISHED) - set(list_as_published(change(**changes))) == others
