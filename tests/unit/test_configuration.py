"""A configuration that cannot be run ends in one sentence: the key, its value and what is allowed."""

import copy
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY
from hypothesis import example, given
from hypothesis import strategies as st

from layeraudit.configuration import check
from layeraudit.datasets import DATASETS
from layeraudit.errors import InputError

DEFAULT = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
SCHEMA = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())


NAMED = {("poisons",), ("detectors",), ("benches", "poison", "settings"), ("benches", "evasion", "settings")}
"""Where the configuration chooses the names of the keys."""


def paths(mapping: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give the path of every key, those of mappings included, but for names that are free to choose."""
    found = []
    for key, value in mapping.items():
        if prefix not in NAMED:
            found.append((*prefix, key))
        if isinstance(value, dict):
            found += paths(value, (*prefix, key))
    return found


def replaced(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    configuration = copy.deepcopy(DEFAULT)
    parent = configuration
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return configuration


def sentence_of(configuration: Any) -> str:
    with pytest.raises(InputError) as error:
        check(configuration, SCHEMA)
    assert "\n" not in str(error.value)
    return str(error.value)


def merged(default: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over a configuration, key by key, as Snakemake does."""
    return default | {
        key: merged(default[key], value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }


@pytest.mark.parametrize("name", ["config", "small", "paper"])
def test_the_configurations_that_we_ship_can_be_run(name: str) -> None:
    changes = yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text())
    check(merged(DEFAULT, changes), SCHEMA)


def test_schema_and_default_have_the_same_keys_and_each_is_described() -> None:
    def of_schema(schema: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        found = []
        for key, value in schema.get("properties", {}).items():
            assert "description" in value or "properties" in value or "enum" in value, key
            named = (*prefix, key) in NAMED
            assert named or value.get("type") != "object" or value["additionalProperties"] is False, key
            found += [(*prefix, key), *of_schema(value, (*prefix, key))]
        assert schema.get("required", []) == list(schema.get("properties", {}))
        return found

    found = [path for path in paths(DEFAULT) if not any(path[: len(name)] == name != path for name in NAMED)]
    assert of_schema(SCHEMA) == found
    for bench in ("poison", "evasion"):
        settings = SCHEMA["properties"]["benches"]["properties"][bench]["properties"]["settings"]
        for setting in DEFAULT["benches"][bench]["settings"].values():
            assert {path[-1] for path in of_schema(settings["additionalProperties"])} == {
                path[-1] for path in paths(setting)
            }


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("neighbours.k", "many", "neighbours.k is 'many', allowed is one integer from 1"),
        ("neighbours.k", 75.0, "neighbours.k is 75.0, allowed is one integer from 1"),
        ("training.learning_rate", "1e-4", "training.learning_rate is '1e-4', allowed is one number"),
        ("variant", "../x", "variant is '../x', allowed is a text of the form ^[a-z0-9_]+$"),
        ("neighbours.k", True, "neighbours.k is True, allowed is one integer from 1"),
        ("neighbours.k", 1050, "neighbours.k is 1050, allowed are 1 to 1049 with the 1050 rows of "),
        ("neighbours.metric", "l1", "neighbours.metric is 'l1', allowed is 'cosine' or 'l2'"),
        ("experiments.two_digits.poison", 101, "experiments.two_digits.poison is 101, allowed are up to "),
        ("experiments.ten_digits.poison", 0, "experiments.ten_digits.poison is 0, allowed is 1 to 100"),
        ("experiments.clean.poison", 1, "experiments.clean.poison is 1, allowed is 0"),
        ("poison.test_points", [15, 101], "poison.test_points is 101, allowed are up to 100, the images of "),
        (
            "experiments.two_digits_memorised.poison",
            40,
            "experiments.two_digits_memorised.poison is 40, allowed is 50, as in experiments.two_digits",
        ),
        ("poison.radius", float("nan"), "poison.radius is nan, allowed is one number above 0"),
        ("poison.radius", 0, "poison.radius is 0, allowed is one number above 0"),
        ("poison.bounds", [0, 255], "poison.bounds is [0, 255], allowed is [0, 1]"),
        ("poison.solver.eta_max", "none", "poison.solver.eta_max is 'none', allowed is one number or null"),
        ("poison.digits", [1, 10], "poison.digits[1] is 10, allowed is one integer from 0 to 9"),
        ("poison.digits", [1, 1], "poison.digits is [1, 1], allowed is a list of 2 to 2 different"),
        ("poison.digits", [1, 2], "poison.digits is [1, 2], allowed are digits of experiments.two_digits"),
        ("experiments.two_digits.digits", [1], "experiments.two_digits.digits is [1], allowed is a list "),
        ("experiments.clean.train", 60001, "experiments.clean.train is 60001, allowed are up to 60000, "),
        ("poison.validation", 2000, "experiments.clean.calibration + experiments.clean.test + poison.train "),
        ("poison.validation", 3000, "poison.train + poison.validation is 3100, allowed are up to 2144, the "),
        ("experiments.two_digits.test", 1395, "experiments.two_digits.calibration + experiments.two_digits"),
        ("activations.layers", ["relu4", "fc"], "activations.layers[0] is 'relu4', allowed is 'relu1' "),
        ("activations.layers", ["relu1"], "activations.layers is ['relu1'], allowed is a list of 2 or more"),
        ("experiments.clean.dataset", "fashion_mnist", "experiments.clean.dataset is 'fashion_mnist', "),
        ("experiments.fashion.test", 9251, "experiments.fashion.calibration + experiments.fashion.t"),
        ("transfer.experiments.clean.sources", ["vgg"], "transfer.experiments.clean.sources[0] is 'vgg', "),
        ("transfer.experiments.clean.targets", ["vgg11"], "transfer.experiments.clean.targets has 'vgg11', "),
        ("transfer.experiments.cifar10.sources", ["lenet"], "transfer.experiments.cifar10.sources has 'len"),
        ("transfer.experiments.cifar10.targets", ["all_convolutional"], "transfer.experiments.cifar10.targ"),
        ("experiments.cifar10.network", "report_cnn", "experiments.cifar10.network is 'report_cnn', allow"),
        ("experiments.clean.network", "vgg11", "experiments.clean.network is 'vgg11', allowed is 'report"),
        ("experiments.cifar10.dataset", "mnist", "experiments.cifar10.dataset is 'mnist', allowed is 'ci"),
        ("transfer.passes", 5, "transfer.passes is 5, allowed is one integer from 4, a multiple of 2"),
        ("transfer.validation", 751, "transfer.validation is 751, allowed are up to 750, those of "),
        (
            "transfer.experiments.fashion.networks.train",
            20001,
            "transfer.experiments.fashion.networks.train is 20001, allowed are up to 20000, those of ",
        ),
        ("transfer.experiments.clean.images", 8651, "transfer.experiments.clean.images is 8651, allowed "),
        ("transfer.experiments.fashion.epsilons", [0], "transfer.experiments.fashion.epsilons[0] is 0, "),
        ("adaptive.images", 8651, "adaptive.images is 8651, allowed are up to 8650, those of "),
        ("adaptive.guides.away", 501, "adaptive.guides.away is 501, allowed is "),
        ("adaptive.radii", [2, 1], "adaptive.radii is [2, 1], allowed are radii from the least"),
        ("adaptive.guides.layer", "conv1", "adaptive.guides.layer is 'conv1', allowed is 'relu1' or "),
        ("adaptive.guides.classes", 0, "adaptive.guides.classes is 0, allowed is one integer from 1 to 9"),
        ("adaptive.intermediate_level.epsilon", 0.5, "adaptive.intermediate_level.epsilon is 0.5, "),
        ("calibration.mode", None, "calibration.mode is None, allowed is 'paper' or 'cleverhans' or"),
        ("inputs.bim.images", 8651, "inputs.bim.images is 8651, allowed are up to 8650, those of "),
        ("inputs.fashion_mnist.images", 10001, "inputs.fashion_mnist.images is 10001, allowed are up to "),
        ("poisons.badnets_5.method", "badnet", "poisons.badnets_5.method is 'badnet', allowed are badnets, "),
        ("poisons.badnets_5.rate", 2, "poisons.badnets_5.rate is 2, allowed is one number "),
        ("poisons.badnets_5.colour", 1, "poisons.badnets_5.colour is no key of the configuration, allowed "),
        ("poisons.badnets_5.target", 10, "poisons.badnets_5.target is 10, allowed is one "),
        ("poisons.secml_1x50.pairs", [[1, 11]], "poisons.secml_1x50.pairs"),
        ("benches.poison.settings", {}, "benches.poison.settings has no seed of a poison, allowed are one "),
        ("benches.evasion.settings", {}, "benches.evasion.settings has no seed, allowed are one or more"),
        ("detectors.unfiltered", {"method": "random"}, "detectors has 'unfiltered', allowed are other names"),
        ("poisons.Bad", {"method": "none"}, "poisons is 'Bad', allowed is a text of the form ^[a-z0-9_]+$"),
        ("detectors.dknn_paper.mode", "best", "detectors.dknn_paper.mode is 'best', allowed is 'paper' or "),
        ("detectors.knn_distance.k", 76, "detectors.knn_distance.k is 76, allowed are 1 to 75, which is "),
        ("detectors.mahalanobis.layer", "relu9", "detectors.mahalanobis has the layer 'relu9', allowed are "),
        ("benches.poison.removed", 0, "benches.poison.removed is 0, allowed is one number above 0 up to 0.5"),
        ("benches.poison.retrained", ["random", "x"], "benches.poison.retrained has 'x', allowed are those"),
        ("benches.poison.retrained", ["dknn_paper"], "benches.poison.retrained is ['dknn_paper'], allowed "),
        ("detectors.random", {"method": "perfect"}, "detectors.random is {'method': 'perfect'}, allowed is"),
        ("benches.poison.settings.mnist.poisons", ["x"], "benches.poison.settings.mnist.poisons has 'x', "),
        ("benches.poison.settings.mnist.train", 60000, "benches.poison.settings.mnist.train + benches.poiso"),
        ("benches.poison.settings.mnist.train", 75, "neighbours.k is 75, allowed are 1 to 74 with the rows "),
        (
            "benches.evasion.settings.evasion_mnist.inputs.other_data.dataset",
            "mnist",
            "benches.evasion.settings.evasion_mnist.inputs.other_data.dataset is 'mnist', allowed is another",
        ),
        (
            "benches.evasion.settings.evasion_mnist.inputs.cw.images",
            1001,
            "benches.evasion.settings.evasion_mnist.inputs.cw.images is 1001, allowed are up to 1000",
        ),
        (
            "benches.evasion.settings",
            {"clean": DEFAULT["benches"]["evasion"]["settings"]["evasion_mnist"]},
            "benches: clean is the name of two experiments or folders of results, allowed are names of one",
        ),
        ("folders.mnist", "nowhere", "folders.mnist is 'nowhere', allowed is null or a folder with "),
        ("folders.fashion_mnist", 5, "folders.fashion_mnist is 5, allowed is "),
        ("experiments.clean.seeds", [], "experiments.clean.seeds is [], allowed is a list of 1 or more "),
        ("experiments.clean.seeds", [-1], "experiments.clean.seeds[0] is -1, allowed is one integer "),
        ("activations", None, "activations is None, allowed is a mapping of keys"),
        ("poison.pionts", 5, "poison.pionts is no key of the configuration, allowed are digits, "),
        ("colour", 5, "colour is no key of the configuration, allowed are variant, folders, "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_sentence(path: str, value: Any, sentence: str) -> None:
    assert sentence_of(replaced(tuple(path.split(".")), value)).startswith(sentence)


def test_an_image_is_led_to_no_more_classes_than_there_are_others() -> None:
    configuration = replaced(("inputs", "fgsm", "images"), 5000)
    nine = {"digits": [0, 1, 2, 3, 4, 5, 6, 7, 9], "train": 50000, "test": 5000}
    configuration["experiments"]["clean"] |= nine
    configuration["adaptive"]["guides"]["classes"] = 8
    check(configuration, SCHEMA)
    configuration["adaptive"]["guides"]["classes"] = 9
    sentence = "adaptive.guides.classes is 9, allowed are 1 to 8, the digits of experiments.clean.digits but "
    assert sentence_of(configuration).startswith(sentence)


@pytest.mark.parametrize("path", paths(DEFAULT), ids=".".join)
def test_a_missing_key_is_named(path: tuple[str, ...]) -> None:
    configuration = copy.deepcopy(DEFAULT)
    parent = configuration
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    assert f"lacks the key {path[-1]}, which is required" in sentence_of(configuration)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(path=st.sampled_from(paths(DEFAULT)), value=ANYTHING)
def test_anything_in_the_place_of_a_value_can_be_run_or_is_one_sentence(
    path: tuple[str, ...], value: Any
) -> None:
    try:
        check(replaced(path, value), SCHEMA)
    except InputError as error:
        sentence = str(error)
        assert ", allowed " in sentence or "is required" in sentence
        assert path[0] in sentence


@given(configuration=ANYTHING)
@example(configuration={"\n": None})
def test_anything_for_a_configuration_is_one_sentence(configuration: Any) -> None:
    sentence_of(configuration)


@given(data=st.data())
def test_sizes_that_pass_can_be_drawn(data: st.DataObject) -> None:
    """What the check lets through, the draw from counts like MNIST's can do."""
    digits = data.draw(st.lists(st.integers(0, 9), min_size=2, unique=True))
    train, test, of_poison = (data.draw(st.integers(3, n)) for n in (60000, 10000, 2200))
    part = data.draw(st.sampled_from(["train", "test"]))
    configuration = replaced(("poison", "digits"), digits[:2])
    configuration["poison"]["validation"] = of_poison
    for name in configuration["experiments"]:
        sizes = {"digits": digits, "train": train, "test": test, "poison_part": part}
        configuration["experiments"][name] |= sizes
    configuration["neighbours"]["k"] = 2
    configuration["detectors"]["lid"] |= {"k": 2}
    for detector in ("deep_knn", "trust_score", "knn_distance"):
        configuration["detectors"][detector] |= {"k": 1}
    for settings in configuration["inputs"].values():
        settings["images"] = 1
    configuration["adaptive"]["images"] = 1
    for settings in configuration["transfer"]["experiments"].values():
        settings |= {"images": 1, "networks": settings["networks"] | {"train": 2}}
    configuration["adaptive"]["guides"]["classes"] = 1
    fits = True
    for dataset in DATASETS.values():
        for name, wanted in {"train": train, "test": 750 + test}.items():
            of_the_attack = 100 + of_poison if part == name else 0
            if of_the_attack:
                fits &= of_the_attack <= sum(dataset.counts(name)[digit] for digit in digits[:2])
            fits &= wanted + of_the_attack <= sum(dataset.counts(name)[digit] for digit in digits)
    if fits:
        check(configuration, SCHEMA)
    else:
        assert "allowed are up to" in sentence_of(configuration)
