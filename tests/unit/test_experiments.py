"""Every experiment of a configuration has what the rules look up, whatever names it."""

from copy import deepcopy
from typing import Any

import pytest
from conftest import DEFAULT, replaced

from layeraudit.experiments import (
    ADAPTIVE,
    Experiment,
    list_experiments,
    list_settings,
)
from layeraudit.plugins import read_constants

EXPERIMENTS: dict[str, Any] = list_experiments(DEFAULT)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_all_experiments_have_the_same_keys(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert set(experiment) == set(Experiment.__annotations__)
    assert set(experiment["attacker"]) == {"classes", "part", "sources", "validation"}
    assert (experiment["poison_settings"] is None) == (experiment["poison"] == "")
    assert (experiment["adaptive"] is None) == (ADAPTIVE not in experiment["inputs"])


def test_what_the_configuration_says_of_an_experiment_is_kept() -> None:
    of_benches = {name: settings for _, _, name, settings in list_settings(DEFAULT)}
    for name, settings in (DEFAULT["experiments"] | of_benches).items():
        same = settings.keys() - {"network", "attacker", "poison"}
        assert {key: EXPERIMENTS[name][key] for key in same} == {key: settings[key] for key in same}
        assert EXPERIMENTS[name]["network"] == DEFAULT["networks"][settings["network"]]
        assert EXPERIMENTS[name]["network_name"] == settings["network"]
        assert EXPERIMENTS[name]["poison"] == (settings.get("poison") or "")
        assert EXPERIMENTS[name]["attacker"].items() >= settings.get("attacker", {}).items()


def test_poison_has_one_form_in_every_study() -> None:
    for name, poison in [("two_digits", "secml"), ("mnist_badnets_5", "badnets_5")]:
        assert EXPERIMENTS[name]["poison"] == poison
        assert EXPERIMENTS[name]["poison_settings"] == DEFAULT["poisons"][poison]


def test_layers_are_the_networks_unless_the_configuration_names_some() -> None:
    assert EXPERIMENTS["clean"]["layers"] == ["relu1", "relu2", "relu3", "fc"]
    assert EXPERIMENTS["cifar10"]["layers"] == read_constants("networks", "all_convolutional")["LAYERS"]
    configuration = replaced("experiments.cifar10.network", "vgg11")
    configuration["experiments"]["cifar10"]["layers"] = ["relu2", "fc"]
    assert list_experiments(configuration)["cifar10"]["layers"] == ["relu2", "fc"]


def test_a_bench_has_every_poison_of_every_setting() -> None:
    expected = {
        f"{setting}_{poison}": (setting, poison)
        for setting, settings in DEFAULT["benches"]["poison"]["settings"].items()
        for poison in settings["poisons"]
    }
    found = {name: of for name, of in EXPERIMENTS.items() if of["bench"] == "poison"}
    assert {name: (of["setting"], of["poison"]) for name, of in found.items()} == expected
    assert found["mnist_transfer_collision"]["pretraining"] == 5000
    evaded = {name: of["setting"] for name, of in EXPERIMENTS.items() if of["bench"] == "evasion"}
    assert evaded == {name: name for name in DEFAULT["benches"]["evasion"]["settings"]}
    assert {EXPERIMENTS[name]["bench"] for name in DEFAULT["experiments"]} == {None}


def test_the_attack_on_dknn_has_the_section_of_its_name_and_its_options_as_an_input() -> None:
    for name in ("clean", "evasion_fashion"):
        adaptive = EXPERIMENTS[name]["adaptive"]
        assert adaptive == DEFAULT["adaptive"] | EXPERIMENTS[name]["inputs"]["adaptive"]
    assert (adaptive["epsilons"], adaptive["radii"], adaptive["images"]) == ([0.1], [], 100)


def test_of_another_method_under_its_name_there_is_no_attack_on_dknn() -> None:
    configuration = deepcopy(DEFAULT)
    inputs = configuration["experiments"]["clean"]["inputs"]
    inputs["adaptive"] = inputs["fgsm"]
    assert list_experiments(configuration)["clean"]["adaptive"] is None
