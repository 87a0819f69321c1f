"""Every run of a configuration has what the rules look up, whatever it is of."""

from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from layeraudit.experiments import list_experiments

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
