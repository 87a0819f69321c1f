"""Every experiment of a configuration has what the rules look up, whatever names it."""

import json
from copy import deepcopy
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from layeraudit.experiments import (
    ADAPTIVE,
    OTHER_DATA,
    Experiment,
    is_attack,
    list_experiments,
    list_settings,
)
from layeraudit.plugins import list_methods, read_constants
from layeraudit.report.published import PUBLISHED, REPORTED, is_as_reported, list_as_published

CONFIGURATION = json.loads(json.dumps(yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())))
EXPERIMENTS: dict[str, Any] = list_experiments(CONFIGURATION)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_all_experiments_have_the_same_keys(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert set(experiment) == set(Experiment.__annotations__)
    assert set(experiment["attacker"]) == {"classes", "part", "sources", "validation"}
    assert (experiment["poison_settings"] is None) == (experiment["poison"] == "")
    assert (experiment["adaptive"] is None) == (ADAPTIVE not in experiment["inputs"])


def test_what_the_configuration_says_of_an_experiment_is_kept() -> None:
    of_benches = {name: settings for _, _, name, settings in list_settings(CONFIGURATION)}
    for name, settings in (CONFIGURATION["experiments"] | of_benches).items():
        same = settings.keys() - {"network", "attacker", "poison"}
        assert {key: EXPERIMENTS[name][key] for key in same} == {key: settings[key] for key in same}
        assert EXPERIMENTS[name]["network"] == CONFIGURATION["networks"][settings["network"]]
        assert EXPERIMENTS[name]["network_name"] == settings["network"]
        assert EXPERIMENTS[name]["poison"] == (settings.get("poison") or "")
        assert EXPERIMENTS[name]["attacker"].items() >= settings.get("attacker", {}).items()


def test_poison_has_one_form_in_every_study() -> None:
    for name, poison in [("two_digits", "secml"), ("mnist_badnets_5", "badnets_5")]:
        assert EXPERIMENTS[name]["poison"] == poison
        assert EXPERIMENTS[name]["poison_settings"] == CONFIGURATION["poisons"][poison]


def test_layers_are_the_networks_unless_the_configuration_names_some() -> None:
    assert EXPERIMENTS["clean"]["layers"] == ["relu1", "relu2", "relu3", "fc"]
    assert EXPERIMENTS["cifar10"]["layers"] == read_constants("networks", "all_convolutional")["LAYERS"]
    configuration = change(experiments__cifar10__network="vgg11")
    configuration["experiments"]["cifar10"]["layers"] = ["relu2", "fc"]
    assert list_experiments(configuration)["cifar10"]["layers"] == ["relu2", "fc"]


def test_a_bench_has_every_poison_of_every_setting() -> None:
    expected = {
        f"{setting}_{poison}": (setting, poison)
        for setting, settings in CONFIGURATION["benches"]["poison"]["settings"].items()
        for poison in settings["poisons"]
    }
    found = {name: of for name, of in EXPERIMENTS.items() if of["bench"] == "poison"}
    assert {name: (of["setting"], of["poison"]) for name, of in found.items()} == expected
    assert found["mnist_transfer_collision"]["pretraining"] == 5000
    evaded = {name: of["setting"] for name, of in EXPERIMENTS.items() if of["bench"] == "evasion"}
    assert evaded == {name: name for name in CONFIGURATION["benches"]["evasion"]["settings"]}
    assert {EXPERIMENTS[name]["bench"] for name in CONFIGURATION["experiments"]} == {None}


def test_the_attack_on_dknn_has_the_section_of_its_name_and_its_options_as_an_input() -> None:
    for name in ("clean", "evasion_fashion"):
        adaptive = EXPERIMENTS[name]["adaptive"]
        assert adaptive == CONFIGURATION["adaptive"] | EXPERIMENTS[name]["inputs"]["adaptive"]
    assert (adaptive["epsilons"], adaptive["radii"], adaptive["images"]) == ([0.1], [], 100)


def test_of_another_method_under_its_name_there_is_no_attack_on_dknn() -> None:
    configuration = deepcopy(CONFIGURATION)
    inputs = configuration["experiments"]["clean"]["inputs"]
    inputs["adaptive"] = inputs["fgsm"]
    assert list_experiments(configuration)["clean"]["adaptive"] is None


def test_what_is_to_be_found_of_an_input_is_a_matter_of_its_method() -> None:
    assert {name for name in [*list_methods("attacks"), ADAPTIVE, OTHER_DATA] if not is_attack(name)} == {
        "rotation",
        OTHER_DATA,
    }


def change(**values: Any) -> dict[str, Any]:
    """Change values of the default configuration, each under its keys joined by two underscores."""
    changed: dict[str, Any] = deepcopy(CONFIGURATION)
    for keys, value in values.items():
        *path, last = keys.split("__")
        within = changed
        for key in path:
            within = within[key]
        assert within.get(last) != value
        within[last] = value
    return changed


OF_TWO = "experiments__two_digits__"
BOTH_ORDERS = {f"{OF_TWO}classes": [9, 1], f"{OF_TWO}attacker__classes": [9, 1]}
OTHERS_THAN_REPORTED: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"experiments__two_digits__train": 500, "experiments__ten_digits__epochs": 1}, set()),
    (BOTH_ORDERS, set()),
    ({"experiments__ten_digits__classes": list(range(10))}, set()),
    ({"experiments__two_digits__classes": [3, 8]}, {"two_digits"}),
    ({"experiments__two_digits__poison": "secml_few"}, {"two_digits"}),
    ({"experiments__two_digits__poison": "secml_flips"}, {"two_digits"}),
    ({"experiments__two_digits__attacker__classes": [3, 8]}, {"two_digits"}),
    ({"experiments__ten_digits__poison": "secml_few"}, {"ten_digits"}),
    ({"experiments__ten_digits__classes": [1, 9]}, {"ten_digits"}),
    ({"experiments__clean__dataset": "fashion_mnist"}, {"clean"}),
    ({"datasets__mnist__method": "fashion_mnist"}, set(REPORTED)),
    ({"poisons__secml__radius": 1.0}, set(REPORTED)),
    ({"poisons__secml__points": 40}, {"two_digits", "ten_digits"}),
    ({"neighbours__k": 50}, set(REPORTED)),
]


@pytest.mark.parametrize(("changes", "others"), OTHERS_THAN_REPORTED)
def test_an_experiment_is_the_reports_by_its_data_poison_and_k(
    changes: dict[str, Any], others: set[str]
) -> None:
    configuration = change(**changes)
    assert {name for name in REPORTED if not is_as_reported(configuration, name)} == others


OF_CLEAN = "experiments__clean__inputs__"


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, set()),
        ({f"{OF_CLEAN}fgsm__images": 60, f"{OF_CLEAN}cw__steps": 3, "experiments__clean__train": 400}, set()),
        ({f"{OF_CLEAN}fgsm__epsilon": 0.1}, {"fgsm"}),
        ({f"{OF_CLEAN}fgsm": {"method": "rotation", "images": 9, "degrees": 1}}, {"fgsm"}),
        ({f"{OF_CLEAN}bim__epsilon": 0.1}, {"bim"}),
        ({f"{OF_CLEAN}bim__steps": 30}, {"bim"}),
        ({f"{OF_CLEAN}bim__step": 0.1}, {"bim"}),
        ({f"{OF_CLEAN}cw__confidence": 1}, {"cw"}),
        ({f"{OF_CLEAN}rotated__degrees": 30}, {"rotated"}),
        ({"experiments__clean__inputs": {}}, {"fgsm", "bim", "cw", "rotated"}),
        ({"experiments__clean__classes": [1, 9]}, set(PUBLISHED)),
        ({"neighbours__k": 10}, set(PUBLISHED)),
    ],
)
def test_an_input_is_the_papers_by_its_settings_the_classes_and_k(
    changes: dict[str, Any], others: set[str]
) -> None:
    assert set(PUBLISHED) - set(list_as_published(change(**changes))) == others
