"""What detectors, poisons, inputs and settings are called: the same everywhere, and no two alike."""

from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

from layeraudit.errors import InputError
from layeraudit.plugins import Kind
from layeraudit.titles import COLUMNS, find_titles, list_names, name_in_words, name_method

LAYERS = ["relu1", "relu2", "fc"]
OF_REPORT_CNN = ["relu1", "relu2", "relu3", "fc"]
KEYS = ("detectors", "poisons", "benches")


@pytest.fixture
def configuration() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    return found


def list_all(configuration: dict[str, Any]) -> pd.DataFrame:
    return list_names(*(configuration[key] for key in KEYS), OF_REPORT_CNN)


@pytest.mark.parametrize(
    ("kind", "configured", "name"),
    [
        ("detectors", {"method": "label_disagreement", "layers": LAYERS}, "Label disagreement, all layers"),
        ("detectors", {"method": "label_disagreement", "layers": ["fc"]}, "Label disagreement, fc"),
        (
            "detectors",
            {"method": "label_disagreement", "layers": LAYERS[:2]},
            "Label disagreement, relu1, relu2",
        ),
        ("detectors", {"method": "dknn", "mode": "paper"}, "DkNN credibility, paper"),
        ("detectors", {"method": "deep_knn", "layer": "relu2", "k": 5}, "Deep k-NN filter, relu2"),
        ("detectors", {"method": "softmax"}, "Softmax confidence"),
        ("poisons", {"method": "badnets", "rate": 0.05, "target": 0, "size": 4}, "BadNets, 5 %"),
        ("poisons", {"method": "badnets", "rate": 0.001, "target": None}, "BadNets, all to all, 0.1 %"),
        (
            "poisons",
            {"method": "label_flips", "rate": 0.05, "source": 4, "target": 9},
            "Label flips, 4 to 9, 5 %",
        ),
        (
            "poisons",
            {"method": "label_flips", "rate": 0.07, "source": None, "target": None},
            "Label flips, random, 7 %",
        ),
        ("poisons", {"method": "secml_gradient", "pairs": [[1, 9]], "points": 50}, "secml, 1 pair of 50"),
        ("poisons", {"method": "secml_gradient", "pairs": None, "points": 50}, "secml, 1 pair of 50"),
        (
            "poisons",
            {"method": "secml_gradient", "pairs": [[1, 9], [0, 6]], "points": 5},
            "secml, 2 pairs of 5",
        ),
        ("poisons", {"method": "feature_collision", "layer": "relu2", "points": 3}, "Feature collision"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_methods_are_named_by_title_and_options(kind: Kind, configured: dict[str, Any], name: str) -> None:
    assert name_method(kind, configured, LAYERS) == name


def test_no_two_names_of_a_kind_are_equal(configuration: dict[str, Any]) -> None:
    configuration["detectors"]["another"] = configuration["detectors"]["lid"] | {"k": 5}
    names = list_all(configuration)
    assert not names.duplicated(["kind", "title"]).any()
    titles = find_titles(names, "detector", ["lid", "another"])
    assert set(titles.values()) == {
        "Local intrinsic dimensionality, all layers (lid)",
        "Local intrinsic dimensionality, all layers (another)",
    }


def test_all_that_the_benches_use_has_a_name(
    configuration: dict[str, Any],
) -> None:
    of_the_report = {"secml", "secml_few", "secml_flips"}
    names = list_all(configuration)
    assert list(names.columns) == list(COLUMNS)
    ids = {str(kind): set(of["id"]) for kind, of in names.groupby("kind")}
    assert ids["detector"] == set(configuration["detectors"])
    assert ids["poison"] == set(configuration["poisons"]) - of_the_report
    inputs = configuration["benches"]["evasion"]["settings"]["evasion_mnist"]["inputs"]
    assert ids["input"] == set(inputs) == set(INPUTS)
    assert ids["poison_setting"] == {"mnist", "mnist_transfer", "fashion"}
    assert ids["evasion_setting"] == {"evasion_mnist", "evasion_fashion"}


INPUTS = {
    "fgsm": ("fgsm", "FGSM", "One step along the sign of the gradient, within an L-infinity ball."),
    "bim": ("bim", "BIM", "Many small steps along the sign of the gradient, within an L-infinity ball."),
    "cw": ("cw", "CW", "The smallest change in L2 that is found to make the network err."),
    "ila": ("ila", "ILA", "A finished attack, pushed further in a hidden layer, within an L-infinity ball."),
    "adaptive": (
        "adaptive",
        "Adaptive",
        "An attack that knows DkNN: it leads an image to the neighbours of another class in every layer.",
    ),
    "rotated": ("rotation", "Rotated", "Held-out images, rotated."),
    "other_data": (
        "other_data",
        "Other data set",
        "Images of a data set that the network was not trained on.",
    ),
}
"""Of each input its method, title and idea."""


def test_inputs_are_named_by_their_methods(configuration: dict[str, Any]) -> None:
    names = list_all(configuration)
    inputs = names[names["kind"] == "input"].set_index("id")
    for name, expected in INPUTS.items():
        assert tuple(inputs.loc[name, ["method", "title", "idea"]]) == expected
    assert (inputs["reference"] == "").sum() == 2
    assert inputs.loc["adaptive", "reference"] == "Sitawarin & Wagner 2019, https://arxiv.org/abs/1903.08333"


def test_inputs_that_only_one_setting_has_and_inputs_of_one_method_have_names(
    configuration: dict[str, Any],
) -> None:
    setting = configuration["benches"]["evasion"]["settings"]["evasion_mnist"]
    ball = {"epsilon": 0.3, "steps": 5}
    setting["inputs"] = {
        "fgsm": {"method": "fgsm", "images": 20, "epsilon": 0.1},
        "wide": {"method": "fgsm", "images": 9, "epsilon": 0.9},
        "mine": {"method": "mi_fgsm", "images": 5, "momentum": 1},
        "adaptive": {"method": "adaptive", "images": 5, "radii": [1, 2], "intermediate_level": ball},
    }
    del configuration["benches"]["evasion"]["settings"]["evasion_fashion"]["inputs"]
    names = list_all(configuration)
    inputs = names[names["kind"] == "input"].set_index("id")
    assert inputs["title"].to_dict() == {
        "fgsm": "FGSM (fgsm)",
        "wide": "FGSM (wide)",
        "mine": "MI-FGSM",
        "adaptive": "Adaptive",
    }
    assert inputs.loc["mine", "settings"] == "images 5; momentum 1"
    words = "images 5; radii 1, 2; intermediate level epsilon 0.3, steps 5"
    assert inputs.loc["adaptive", "settings"] == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fashion_mnist", "Fashion-MNIST"),
        ("cifar10", "CIFAR-10"),
        ("small_resnet", "Small ResNet"),
        ("tramer_a", "Tramèr A"),
        ("vgg11", "VGG-11"),
        ("my_photos", "my photos"),
    ],
)
def test_data_sets_and_networks_have_the_title_of_the_method_that_they_are_named_for(
    name: str, words: str
) -> None:
    assert name_in_words(name) == words


def test_settings_are_named_by_their_data_set(configuration: dict[str, Any]) -> None:
    poisoned = configuration["benches"]["poison"]["settings"]
    poisoned["photos"] = poisoned["mnist"] | {"dataset": "my_photos", "pretraining": 9}
    names = list_all(configuration)
    titles = find_titles(names, "poison_setting", ["mnist", "mnist_transfer", "fashion", "photos"])
    assert list(titles.values()) == ["MNIST", "MNIST, last layer", "Fashion-MNIST", "my photos, last layer"]


def test_settings_in_words(configuration: dict[str, Any]) -> None:
    words = list_all(configuration).set_index(["kind", "id"])["settings"]
    assert words["detector", "knn_distance"] == "layer relu3; k 50"
    assert words["detector", "softmax"] == ""
    assert words["poison", "flips_targeted_5"] == "rate 0.05; source 4; target 9"
    assert words["poison", "secml_5x10"].startswith("pairs 1/9, 0/6, 2/7, 3/8, 4/5; points 10;")
    assert words["input", "rotated"] == "images 200; degrees 45"
    adaptive = "MNIST: images 100; epsilons 0.2. Fashion-MNIST: images 100; epsilons 0.1"
    assert words["input", "adaptive"] == adaptive
    fgsm = "MNIST: images 200; epsilon 0.2. Fashion-MNIST: images 200; epsilon 0.1"
    assert words["input", "fgsm"] == fgsm
    assert words["poison_setting", "mnist_transfer"].endswith("after training on 5000 other images")


def test_an_id_without_a_name_is_an_input_error(configuration: dict[str, Any]) -> None:
    names = list_all(configuration)
    with pytest.raises(InputError, match=r"^'margin' is no detector of names\.csv, which has dknn_paper, "):
        find_titles(names, "detector", ["lid", "margin"])
