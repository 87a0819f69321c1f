"""A configuration that cannot be run ends in sentences: each with the key, its value and what is allowed."""

import copy
import math
import re
from datetime import date
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import DEFAULT, REPOSITORY, SCHEMA, check_all, merged, replaced, sentence_of
from hypothesis import event, example, given
from hypothesis import strategies as st

from draw_splits import draw_splits
from layeraudit.configuration import check
from layeraudit.errors import InputError
from layeraudit.experiments import ATTACKER, DEFAULTS, list_experiments
from layeraudit.files import write_arrays
from layeraudit.plugins import Kind, list_methods, read_constants

FOLDER = {
    **{"method": "image_folder", "train": ".", "held_out": 0.2, "classes": None},
    **{"channels": 1, "size": [28, 28]},
}
"""A data set of a user's own."""

HUGE = 16**6000
"""Python itself raises where this is to be shown."""

NAMED = {
    *("audits", "datasets", "networks", "experiments", "poisons", "detectors", "benches.poison.settings"),
    *("benches.evasion.settings", "experiments.*.inputs", "benches.evasion.settings.*.inputs"),
}
"""Where the configuration chooses the names of the keys."""

Keys = tuple[str, ...]


def name_general(path: Keys) -> str:
    """Return a path with `*` in the place of each name that is free to choose."""
    general = ""
    for key in path:
        general += f".{'*' if general[1:] in NAMED else key}"
    return general[1:]


def list_paths(mapping: dict[str, Any], prefix: Keys = ()) -> list[Keys]:
    """List the path of every key, those of mappings included, but for names that are free to choose."""
    found = []
    for key, value in mapping.items():
        if name_general(prefix) not in NAMED:
            found.append((*prefix, key))
        if isinstance(value, dict):
            found += list_paths(value, (*prefix, key))
    return found


PATHS = list_paths(DEFAULT)
ONE_OF_EACH = list({name_general(path): path for path in PATHS}.values())
EXPERIMENT = r"(experiments|benches\.(poison|evasion)\.settings)\.\*\."
OPTIONAL = {*DEFAULTS, "attacker", *ATTACKER}
"""Keys of an experiment that a configuration may leave out."""


def list_leaves(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of everything in a configuration, items of lists and free names included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [
        *([prefix] if prefix else []),
        *(path for key, inner in items for path in list_leaves(inner, (*prefix, key))),
    ]


def find_all(configuration: Any) -> list[str]:
    """Return all sentences on a configuration, whether nothing of it can be run or something cannot."""
    try:
        problems = [*check_all(configuration).values()]
    except InputError as error:
        problems = [str(error)]
    return [sentence for problem in problems for sentence in problem.split("; ")]


@pytest.mark.parametrize("name", ["config", "small", "paper"])
def test_the_configurations_that_we_ship_can_be_run(name: str) -> None:
    changes = yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text())
    assert check_all(merged(changes)) == {}


def list_in_schema(schema: dict[str, Any], prefix: str = "") -> set[str]:
    """List the keys of a schema, `*` in the place of names that are free to choose."""
    found = set()
    for key, value in schema.get("properties", {}).items():
        path = f"{prefix}{key}"
        assert {"description", "title", "properties", "enum"} & value.keys(), path
        found |= {path, *list_in_schema(value, f"{path}.")}
    if isinstance(inner := schema.get("additionalProperties"), dict):
        found |= list_in_schema(inner, f"{prefix}*.")
    elif "properties" in schema and "method" not in schema["properties"]:
        assert inner is False, prefix
    return found


def test_schema_and_default_have_the_same_keys_and_each_is_described() -> None:
    def collapse(paths: set[str]) -> set[str]:
        return {re.sub(f"^{EXPERIMENT}", "experiment.", path) for path in paths}

    of_schema = collapse(list_in_schema(SCHEMA))
    of_default = collapse(set(map(name_general, PATHS)))
    unused = {"experiment.layers", "networks.*.normalisation.mean", "networks.*.normalisation.std"}
    unused |= {path for path in of_schema if path.startswith(("audits.", "claims"))}
    assert of_schema - of_default == unused
    options = r"(datasets|poisons|detectors|experiment\.inputs)\.\*\..+"
    assert all(re.fullmatch(options, path) for path in of_default - of_schema)


def test_what_an_experiment_may_leave_out_has_a_default() -> None:
    benches = SCHEMA["properties"]["benches"]["properties"]
    for experiment in [
        SCHEMA["properties"]["experiments"]["additionalProperties"],
        *(benches[bench]["properties"]["settings"]["additionalProperties"] for bench in benches),
    ]:
        assert set(experiment["properties"]) - set(experiment["required"]) == {*DEFAULTS, "attacker"}
        assert set(experiment["properties"]["attacker"]["properties"]) == set(ATTACKER)


DIGITS = {"method": "other_data", "images": 5, "dataset": "mnist"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    ids=lambda value: value if isinstance(value, str) else "",
    argvalues=[
        ("neighbours.k", "many", "neighbours.k is 'many', allowed is one integer from 1"),
        ("neighbours.k", 75.0, "neighbours.k is 75.0, allowed is one integer from 1"),
        ("neighbours.k", True, "neighbours.k is True, allowed is one integer from 1"),
        ("neighbours.k", 10**400, "neighbours.k is an integer of more than 40 digits, allowed are s"),
        ("neighbours.k", HUGE, "neighbours.k is an integer of more than 40 digits, allowed are s"),
        ("neighbours.metric", "l1", "neighbours.metric is 'l1', allowed is 'cosine' or 'l2'"),
        ("training.learning_rate", "1e-4", "training.learning_rate is '1e-4', allowed is one number"),
        ("variant", "../x", "variant is '../x', allowed is a text of 1 to 64 lower-case "),
        ("variant", "a" * 65, f"variant is '{'a' * 65}', allowed is a text of 1 to 64 lower-case letters, "),
        ("variant", "datasets", "variant is 'datasets', allowed are other names than audit, datasets, "),
        ("variant", "a\n", "variant is 'a\\n', allowed is a text of 1 to 64"),
        ("detectors.a\n", {"method": "none"}, "detectors has the name 'a\\n', allowed is a text of 1 to 64"),
        ("poisons.Bad", {"method": "none"}, "poisons has the name 'Bad', allowed is a text of 1 to 64 "),
        ("poisons.secml.max_iterations", 10**30, "poisons.secml.max_iterations is 1000000000000000000000000"),
        ("poisons.secml.max_iterations", "1e30", "poisons.secml.max_iterations is '1e30', allowed is one in"),
        (
            "poisons.secml.tolerance",
            "1e-4",
            "poisons.secml.tolerance is '1e-4', allowed is one number from 1.0e-12 to 1; YAML takes a numb",
        ),
        ("poisons.secml.radius", math.nan, "poisons.secml.radius is nan, allowed is one number from 0 to 10"),
        ("poisons.secml.eta", 1e-320, "poisons.secml.eta is 1e-320, allowed is one number from 0.0001 to 10"),
        ("poisons.secml.eta_max", "none", "poisons.secml.eta_max is 'none', allowed is one number or null"),
        ("poisons.secml.pionts", 5, "poisons.secml.pionts is no key of the configuration (did you mean poi"),
        ("poisons.secml", {"method": "none"}, "poisons.secml.method is 'none', allowed is 'secml_gradient',"),
        ("poisons.secml.pairs", [[1, 9]], "poisons.secml.pairs is [[1, 9]], allowed is null, as the report "),
        ("experiments.clean.inputs.rotated.degrees", 1e308, "experiments.clean.inputs.rotated.degrees is 1e"),
        ("experiments.clean.inputs.bim.method", "bin", "experiments.clean.inputs.bim.method is 'bin', allow"),
        ("experiments.clean.inputs.bim.colour", 1, "experiments.clean.inputs.bim.colour is no key of the co"),
        ("experiments.clean.inputs.bim", None, "experiments.clean.inputs.bim is None, allowed is a mapping "),
        ("experiments.clean.inputs", None, "experiments.clean.inputs is None, allowed is a mapping of keys"),
        ("experiments.clean", None, "experiments.clean is None, allowed is a mapping of keys"),
        ("experiments.clean.adaptive", {}, "experiments.clean.adaptive is no key of the configuration, allo"),
        ("experiments.clean.digits", [1, 9], "experiments.clean.digits is no key of the configuration, all"),
        ("experiments.clean.seeds", [-1], "experiments.clean.seeds[0] is -1, allowed is one integer "),
        ("experiments.clean.seeds", [1, 1], "experiments.clean.seeds is [1, 1], allowed is a list"),
        ("experiments.clean.classes", [1], "experiments.clean.classes is [1], allowed is a list or null of"),
        ("experiments.clean.attacker.part", "all", "experiments.clean.attacker.part is 'all', allowed is 't"),
        ("experiments.clean.attacker.clases", [1], "experiments.clean.attacker.clases is no key of the conf"),
        ("experiments.clean.layers", [], "experiments.clean.layers is [], allowed is a list or null of 1 to"),
        ("experiments.clean.layers", ["../x"], "experiments.clean.layers[0] is '../x', allowed is a text of"),
        ("experiments.clean.datset", "mnist", "experiments.clean.datset is no key of the configuration (did"),
        ("transfer.passes", 5, "transfer.passes is 5, allowed is one integer from 4 to 10000, a multiple"),
        ("transfer.experiments.fashion.epsilons", [0], "transfer.experiments.fashion.epsilons[0] is 0, "),
        ("adaptive.guides.away", 501, "adaptive.guides.away is 501, allowed is "),
        ("adaptive.guides.classes", 0, "adaptive.guides.classes is 0, allowed is one integer from 1 to "),
        ("calibration.mode", None, "calibration.mode is None, allowed is 'paper' or 'cleverhans' or"),
        ("networks.lenet.normalisation", {"mean": [0]}, "networks.lenet.normalisation lacks the key std, "),
        (
            "networks.lenet.normalisation",
            {"mean": [], "std": [1]},
            "networks.lenet.normalisation.mean is [], allowed is a list of 1 to 16",
        ),
        (
            "networks.lenet.normalisation",
            {"mean": [0.5], "std": [0]},
            "networks.lenet.normalisation.std[0] is 0, allowed is one number from 1.0e-06 to 1000",
        ),
        (
            "networks.lenet.normalisation",
            {"mean": 0.5, "std": [1]},
            "networks.lenet.normalisation.mean is 0.5, allowed is a list",
        ),
        ("networks.lenet.depth", 3, "networks.lenet.depth is no key of the configuration, allowed are metho"),
        ("networks.lenet.method", "lenet5", "networks.lenet.method is 'lenet5', allowed is 'all_convolution"),
        ("poisons.badnets_5.method", "badnet", "poisons.badnets_5.method is 'badnet', allowed is 'badnets' "),
        ("poisons.badnets_5.rate", 2, "poisons.badnets_5.rate is 2, allowed is one number "),
        ("poisons.badnets_5.colour", 1, "poisons.badnets_5.colour is no key of the configuration, allowed "),
        ("detectors.dknn_paper.mode", "best", "detectors.dknn_paper.mode is 'best', allowed is 'paper' or "),
        ("benches.poison.removed", 0, "benches.poison.removed is 0, allowed is one number from 0.0001 "),
        (
            "benches.poison.settings.mnist.poison",
            "badnets_1",
            "benches.poison.settings.mnist.poison is 'badnets_1', allowed is null, since benches.poison.se",
        ),
        ("experiments.clean.dataset", "minst", "experiments.clean.dataset is 'minst' (did you mean mnist?),"),
        ("experiments.cifar10.network", "vgg16", "experiments.cifar10.network is 'vgg16' (did you mean vgg1"),
        ("experiments.fashion.poison", "badnets5", "experiments.fashion.poison is 'badnets5' (did you mean"),
        ("experiments.fashion.poison", "poison_0", "experiments.fashion.poison is 'poison_0', allowed are n"),
        (
            "benches.poison.settings.mnist.poisons",
            ["none", "x"],
            "benches.poison.settings.mnist.poisons[1] is 'x', allowed are those of poisons: none, ",
        ),
        (
            "experiments.clean.inputs.other_data.dataset",
            "svhn",
            "experiments.clean.inputs.other_data.dataset is 'svhn', allowed are those of datasets but its o",
        ),
        (
            "experiments.leaderboard",
            DEFAULT["experiments"]["clean"],
            "leaderboard is the name of two experiments or folders of results, allowed are names of one",
        ),
        (
            "experiments.mnist_none",
            DEFAULT["experiments"]["clean"],
            "mnist_none is the name of two experiments or folders of results, allowed are names of one",
        ),
        ("experiments.clean.inputs.test", DIGITS, "experiments.clean.inputs.test has the name of a s"),
        ("experiments.fashion.inputs", {"poison_7": DIGITS}, "experiments.fashion.inputs.poison_7 ha"),
        ("experiments.fashion.inputs", {"from_x": DIGITS}, "experiments.fashion.inputs.from_x has th"),
        (
            "experiments.fashion.inputs",
            {"fgsm": DIGITS},
            "experiments.fashion.inputs.fgsm.method is 'other_data', allowed is 'fgsm', as in experiments.cl",
        ),
        (
            "experiments.fashion.inputs",
            {"adaptive": DIGITS},
            "experiments.fashion.inputs.adaptive.method is 'other_data', allowed is 'adaptive' under the nam",
        ),
        (
            "experiments.fashion.inputs",
            {"knowing": DEFAULT["experiments"]["clean"]["inputs"]["adaptive"]},
            "experiments.fashion.inputs.knowing.method is 'adaptive', allowed is 'adaptive' under the name a",
        ),
        ("datasets.mnist.folder", "nowhere", "datasets.mnist.folder is 'nowhere', which does not exist, all"),
        ("datasets.mnist.folder", "a\0b", "datasets.mnist.folder is 'a\\x00b', which does not exist, allowe"),
        (
            "datasets.mnist.folder",
            "a" * 300,
            f"datasets.mnist.folder is '{'a' * 37}...{'a' * 38}', which cannot be read (File name too long),",
        ),
        ("datasets.mnist.folder", __file__, f"datasets.mnist.folder is {__file__!r}, which is no folder, al"),
        ("datasets.mnist.folder", 5, "datasets.mnist.folder is 5, allowed is a text or null"),
        (
            "datasets.mine",
            FOLDER | {"train": "nowhere"},
            "datasets.mine.train is 'nowhere', which does not exist, allowed is what can be read",
        ),
        (
            "datasets.mine",
            FOLDER | {"held_out": "nowhere"},
            "datasets.mine.held_out is 'nowhere', which does not exist, allowed is what can be read",
        ),
        (
            "datasets.mine",
            FOLDER | {"held_out": 1},
            "datasets.mine.held_out is 1, allowed is a path, or a share from 0.001 to 0.999",
        ),
        (
            "datasets.mine",
            FOLDER | {"channels": 2},
            "datasets.mine.channels is 2, allowed is 1 or 3",
        ),
        ("activations", None, "activations is None, allowed is a mapping of keys"),
        ("activations.keep", 1, "activations.keep is 1, allowed is true or false"),
        ("neighbors", 5, "neighbors is no key of the configuration (did you mean neighbours?), allowed are "),
        ("neighbours.K", 5, "neighbours.K is no key of the configuration (did you mean k?), allowed are k, "),
        ("colour", 5, "colour is no key of the configuration, allowed are variant, datasets, "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_sentence_and_nothing_can_be_run(path: str, value: Any, sentence: str) -> None:
    assert sentence_of(replaced(path, value)).startswith(sentence)


OF_TWO_DIGITS = {"two_digits", "two_digits_memorised", "two_digits_quarter", "two_digits_quarter_flips"}
OF_MNIST = {f"mnist_{name}" for name in DEFAULT["benches"]["poison"]["settings"]["mnist"]["poisons"]}


@pytest.mark.parametrize(
    ("path", "value", "concerned", "sentence"),
    ids=lambda value: value if isinstance(value, str) else "",
    argvalues=[
        ("neighbours.k", 50, {"deep_knn"}, "detectors.deep_knn.k is 75, allowed are 1 to 50, which is nei"),
        (
            "neighbours.k",
            1050,
            {*OF_TWO_DIGITS, *OF_MNIST, "mnist_transfer_none", "mnist_transfer_collision"},
            "neighbours.k is 1050, allowed are 1 to 1049 with the 1050 rows of experiments.two_digits.train",
        ),
        ("detectors.knn_distance.k", 76, {"knn_distance"}, "detectors.knn_distance.k is 76, allowed are 1 t"),
        ("poisons.collision.layer", "x", {"mnist_transfer_collision"}, "poisons.collision has the layer 'x'"),
        (
            "poisons.badnets_5.target",
            10,
            {"mnist_badnets_5", "fashion_badnets_5"},
            "poisons.badnets_5.target is 10, allowed are the classes of mnist, 0 to 9",
        ),
        (
            "experiments.ten_digits.attacker.sources",
            49,
            {"ten_digits"},
            "poisons.secml.points is 50, allowed are up to 49, as many as experiments.ten_digits.attacker.so",
        ),
        (
            "experiments.ten_digits.attacker.classes",
            None,
            {"ten_digits"},
            "experiments.ten_digits.attacker.classes is None, allowed are two, as poisons.secml.pairs is nul",
        ),
        (
            "experiments.ten_digits.classes",
            [1, 2],
            {"ten_digits"},
            "experiments.ten_digits.attacker.classes is [1, 9], allowed are those of experiments.ten_digits.",
        ),
        ("experiments.clean.train", 60001, {"clean"}, "experiments.clean.train is 60001, allowed are up to"),
        (
            "experiments.clean.attacker.validation",
            2000,
            {"clean"},
            "experiments.clean.calibration + experiments.clean.test + experiments.clean.attacker.sources + e",
        ),
        (
            "experiments.clean.attacker.validation",
            3000,
            {"clean"},
            "experiments.clean.attacker.sources + experiments.clean.attacker.validation is 3100, allowed are",
        ),
        (
            "experiments.fashion.test",
            9251,
            {"fashion"},
            "experiments.fashion.calibration + experiments.fashion.test is 10001, allowed are up to 10000, t",
        ),
        (
            "benches.poison.settings.mnist.train",
            60000,
            OF_MNIST,
            "benches.poison.settings.mnist.train + benches.poison.settings.mnist.attacker.sources + benches.",
        ),
        (
            "benches.poison.settings.mnist.train",
            75,
            OF_MNIST - {"mnist_secml_1x50", "mnist_secml_5x10", "mnist_secml_5x50"},
            "neighbours.k is 75, allowed are 1 to 74 with the 75 rows of benches.poison.settings.mnist.train",
        ),
        (
            "benches.poison.settings.mnist_transfer.pretraining",
            59000,
            {"mnist_transfer_none", "mnist_transfer_collision"},
            "benches.poison.settings.mnist_transfer.train + benches.poison.settings.mnist_transfer.pretraini",
        ),
        ("experiments.fashion.classes", [0, 10], {"fashion"}, "experiments.fashion.classes has 10, allowed"),
        (
            "experiments.cifar10.layers",
            ["fc", "relu1"],
            {"cifar10"},
            "experiments.cifar10.layers is ['fc', 'relu1'], allowed are layers of all_convolutional in their",
        ),
        (
            "experiments.fashion.layers",
            ["conv1"],
            {"fashion"},
            "experiments.fashion.layers is ['conv1'], allowed are layers of report_cnn in their order, ['rel",
        ),
        ("adaptive.guides.layer", "conv1", {"clean", "evasion_mnist", "evasion_fashion"}, "adaptive.guides."),
        (
            "experiments.clean.inputs.adaptive.radii",
            [2, 1],
            {"clean"},
            "experiments.clean.inputs.adaptive.radii is [2, 1], allowed are radii from the least",
        ),
        (
            "experiments.clean.inputs.adaptive.intermediate_level",
            {"epsilon": 0.5, "steps": 2},
            {"clean"},
            "experiments.clean.inputs.adaptive.intermediate_level.epsilon is 0.5, allowed are those of exper",
        ),
        (
            "experiments.clean.inputs.bim.images",
            8651,
            {"clean"},
            "experiments.clean.inputs.bim.images is 8651, allowed are up to 8650, those of experiments.clean",
        ),
        (
            "experiments.clean.inputs.other_data.images",
            10001,
            {"clean"},
            "experiments.clean.inputs.other_data.images is 10001, allowed are up to 10000, those of the test",
        ),
        (
            "benches.evasion.settings.evasion_mnist.inputs.other_data.dataset",
            "mnist",
            {"evasion_mnist"},
            "benches.evasion.settings.evasion_mnist.inputs.other_data.dataset is 'mnist', allowed are others",
        ),
        (
            "benches.evasion.settings.evasion_mnist.inputs.ila.layer",
            "relu4",
            {"evasion_mnist"},
            "benches.evasion.settings.evasion_mnist.inputs.ila has the layer 'relu4', allowed are those of b",
        ),
        (
            "benches.evasion.settings.evasion_mnist.inputs",
            {},
            {"evasion_mnist"},
            "benches.evasion.settings.evasion_mnist.inputs is {}, allowed are one or more",
        ),
    ],
)  # fmt: skip
def test_what_concerns_one_experiment_or_detector_stops_no_other(
    path: str, value: Any, concerned: set[str], sentence: str
) -> None:
    problems = check_all(replaced(path, value))
    assert set(problems) == concerned
    assert any(found.startswith(sentence) for found in "; ".join(problems.values()).split("; "))


def test_a_detector_is_held_to_the_layers_of_each_experiment_that_it_is_for() -> None:
    some = {"layers": ["relu1", "relu2", "fc"]}
    configuration = merged({"benches": {"evasion": {"settings": {"evasion_mnist": some}}}})
    problems = check(configuration, SCHEMA)
    of_bench = {name for name in problems if name.startswith("evasion_mnist")}
    three = {"mahalanobis", "relative_mahalanobis", "trust_score", "knn_distance", "vim", "deep_knn"}
    three |= {"label_disagreement_relu3", "label_disagreement_all", "lid"}
    assert of_bench == {f"evasion_mnist/{detector}" for detector in three}
    assert "evasion_mnist, ['relu1', 'relu2', 'fc']" in problems["evasion_mnist/vim"]


def test_a_layer_that_no_network_has_stops_the_detector_everywhere() -> None:
    problems = check(replaced("detectors.mahalanobis.layer", "relu9"), SCHEMA)
    of_all = set(list_experiments(DEFAULT))
    assert {name.partition("/")[0] for name in problems if name.endswith("/mahalanobis")} == of_all


def test_a_detector_for_an_experiment_of_ones_own_stops_no_other() -> None:
    changes = {
        "detectors": {"late": {"method": "mahalanobis", "layer": "relu8"}},
        "experiments": {"cifar10": {"network": "vgg11"}},
        "transfer": {"experiments": {"cifar10": {"targets": ["resnet20"]}}},
    }
    problems = check(merged(changes), SCHEMA)
    assert "late" not in problems
    assert "cifar10/late" not in problems
    assert "relu8" in problems["mnist_none/late"]
    assert problems["cifar10/lid"].startswith("detectors.lid has the layer 'relu3', allowed are those of ")


def test_an_image_is_led_to_no_more_classes_than_there_are_others() -> None:
    nine = {"classes": [0, 1, 2, 3, 4, 5, 6, 7, 9], "train": 50000, "test": 5000, "inputs": {}}
    adaptive = DEFAULT["experiments"]["clean"]["inputs"]["adaptive"]
    mine = DEFAULT["experiments"]["fashion"] | nine | {"inputs": {"adaptive": adaptive}}
    configuration = replaced("experiments.mine", mine)
    configuration["adaptive"]["guides"]["classes"] = 8
    assert check_all(configuration) == {}
    configuration["adaptive"]["guides"]["classes"] = 9
    problems = check_all(configuration)
    assert set(problems) == {"mine"}
    assert problems["mine"].startswith(
        "adaptive.guides.classes is 9, allowed are 1 to 8, the classes but an "
    )


MINE = """
variant: mine
datasets:
  pictures: {method: image_folder, train: ., held_out: 0.2, classes: null, channels: 3, size: [64, 48]}
networks:
  normalised: {method: vgg11, normalisation: {mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2]}}
poisons:
  faint: {method: blended, rate: 0.1, target: 3, opacity: 0.1}
experiments:
  mine:
    dataset: pictures
    network: normalised
    seeds: [7]
    classes: [2, 3, 5]
    train: 900000
    calibration: 5000
    test: 700000
    attacker: {classes: [2, 3], sources: 800000}
    poison: faint
    epochs: 3
    batch_size: 64
    layers: [relu2, relu8]
    inputs:
      momentum: {method: mi_fgsm, images: 9, epsilon: 0.1, step: 0.01, steps: 10, momentum: 0.9}
      upside_down: {method: rotation, images: 9, degrees: 180}
      digits: {method: other_data, images: 10000, dataset: mnist}
"""


def test_an_experiment_of_ones_own_is_accepted_and_completed() -> None:
    """Its data set has no counts that are known before it is read, so no size is refused."""
    configuration = merged(yaml.safe_load(MINE))
    assert check_all(configuration) == {}
    mine = list_experiments(configuration)["mine"]
    assert mine["layers"] == ["relu2", "relu8"]
    assert mine["poison"] == "faint"
    assert mine["poison_settings"] == {"method": "blended", "rate": 0.1, "target": 3, "opacity": 0.1}
    assert mine["attacker"] == {"classes": [2, 3], "part": "train", "sources": 800000, "validation": 0}
    assert (mine["pretraining"], mine["adaptive"], mine["bench"]) == (0, None, None)
    configuration["experiments"]["mine"]["inputs"]["digits"]["images"] = 10001
    assert set(check_all(configuration)) == {"mine"}


@pytest.mark.parametrize("kind", ["datasets", "networks", "attacks", "poisons"])
def test_every_method_can_be_chosen(kind: Any) -> None:
    """With the least of every option, as far as a schema knows it."""
    for method in list_methods(kind):
        options = {name: choose_least(of) for name, of in read_constants(kind, method)["OPTIONS"].items()}
        entry = {"method": method} | options
        if kind == "attacks":
            entry |= {"images": 1} | ({"layer": "relu2"} if "layer" in options else {})
            configuration = replaced("experiments.fashion.inputs", {"mine": entry})
        else:
            entry |= {"normalisation": None} if kind == "networks" else {}
            entry |= {"factory": "mine:make", "arguments": {}} if method == "factory" else {}
            configuration = replaced((kind, "mine"), entry)
        assert check_all(configuration) == {}, method


def choose_least(schema: dict[str, Any]) -> Any:
    """Return the least value that a schema allows."""
    types = schema.get("type", [])
    if "enum" in schema:
        return schema["enum"][0]
    if "null" in types:
        return None
    if types == "array":
        items = [choose_least(schema["items"])] * schema.get("minItems", 0)
        return [*range(len(items))] if schema.get("uniqueItems") and len(items) > 1 else items
    if types == "string":
        return __file__ if schema.get("format") == "path" else "x"
    return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_shifted_by_one_number_or_one_a_channel(channels: int) -> None:
    normalisation = {"mean": [0.5] * channels, "std": [0.25] * channels}
    assert check_all(replaced("networks.lenet.normalisation", normalisation)) == {}


AUDITS = """
networks:
  given: {method: onnx, file: README.md, output: null, normalisation: null}
datasets:
  pictures: {method: image_folder, train: ., held_out: 0.2, classes: null, channels: 3, size: [8, 8]}
  rows: {method: activations, train: ., held_out: ., classes: [a, b]}
  camera: {method: unlabelled_folder, path: ., channels: 3, size: [8, 8]}
audits:
  mine: &audit {layers: auto, pooling: mean, expected_accuracy: 1, dataset: rows, network: null, inputs: rows}
  other: {<<: *audit, dataset: pictures, network: given, inputs: pictures}
"""


def test_an_audit_of_activations_has_no_network_and_one_of_pictures_has_one() -> None:
    configuration = merged(yaml.safe_load(AUDITS))
    assert check_all(configuration) == {}
    configuration["audits"]["mine"]["network"] = "given"
    configuration["audits"]["other"]["network"] = None
    assert check_all(configuration) == {
        "mine": "audits.mine.network is 'given', allowed is null, as rows is activations",
        "other": "audits.other.network is None, allowed is the name of a network",
    }


@pytest.mark.parametrize(("audit", "inputs"), [("mine", "pictures"), ("other", "rows"), ("mine", "none")])
def test_an_audit_is_shown_inputs_of_its_own_form(audit: str, inputs: str) -> None:
    configuration = merged(yaml.safe_load(AUDITS))
    configuration["audits"][audit]["inputs"] = inputs
    assert sentence_of(configuration).startswith(
        f"audits.{audit}.inputs is '{inputs}', allowed are null and "
    )


def test_pictures_without_labels_are_inputs_of_an_audit_and_nothing_else() -> None:
    configuration = merged(yaml.safe_load(AUDITS))
    configuration["audits"]["other"]["inputs"] = "camera"
    assert check_all(configuration) == {}
    configuration["audits"]["other"]["dataset"] = "camera"
    allowed = "is 'camera', allowed are those of datasets with labels: "
    assert sentence_of(configuration).startswith(f"audits.other.dataset {allowed}")
    configuration = merged(yaml.safe_load(AUDITS))
    configuration["experiments"]["fashion"]["dataset"] = "camera"
    assert sentence_of(configuration).startswith(f"experiments.fashion.dataset {allowed}")


def test_layers_may_be_some_of_the_networks_in_its_order() -> None:
    assert check_all(replaced("experiments.fashion.layers", ["relu1", "fc"])) == {}
    assert check_all(replaced("experiments.fashion.layers", None)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("path", ONE_OF_EACH, ids=".".join)
def test_a_missing_key_is_named_or_has_a_default(path: Keys) -> None:
    configuration = copy.deepcopy(DEFAULT)
    del reduce(getitem, path[:-1], configuration)[path[-1]]
    missing = f"lacks the key {path[-1]}, which is required"
    of_experiment = re.fullmatch(EXPERIMENT + r"(attacker\.)?\w+", name_general(path))
    found = [sentence for sentence in find_all(configuration) if missing in sentence]
    is_optional = path == ("audits",) or (of_experiment and path[-1] in OPTIONAL)
    assert bool(found) == (not is_optional)


def test_an_experiment_without_seeds_is_left_out() -> None:
    changes = {"experiments": {"fashion": {"seeds": []}}}
    assert check_all(merged(changes)) == {}


def test_all_problems_of_the_schema_are_found_at_once() -> None:
    configuration = replaced("neighbours.k", "many")
    configuration["neighbors"] = configuration["neighbours"]
    configuration["detectors"]["lid"] = {"method": "lid", "layer": "fc"}
    del configuration["adaptive"]["steps"], configuration["adaptive"]["steepness"]
    assert {problem.split(",")[0] for problem in sentence_of(configuration).split("; ")} == {
        "neighbors is no key of the configuration (did you mean neighbours?)",
        "adaptive lacks the keys steepness",
        "neighbours.k is 'many'",
        "detectors.lid lacks the keys layers",
        "detectors.lid.layer is no key of the configuration (did you mean layers?)",
    }


def test_all_problems_of_values_are_found_at_once() -> None:
    configuration = replaced("variant", "leaderboard")
    configuration["experiments"]["clean"]["network"] = "lenett"
    configuration["experiments"]["fashion"] |= {"dataset": "fashion", "poison": "x"}
    configuration["datasets"]["mnist"]["folder"] = "nowhere"
    assert [problem.split(",")[0] for problem in sentence_of(configuration).split("; ")] == [
        "variant is 'leaderboard'",
        "datasets.mnist.folder is 'nowhere'",
        "experiments.clean.network is 'lenett' (did you mean lenet?)",
        "experiments.fashion.dataset is 'fashion' (did you mean fashion_mnist?)",
        "experiments.fashion.poison is 'x'",
    ]


def test_all_problems_of_an_experiment_are_found_at_once() -> None:
    changes = {"test": 99_999, "layers": ["fc", "relu1"], "poison": "secml", "attacker": {"sources": 49}}
    configuration = merged({"experiments": {"fashion": changes}})
    assert [re.split(" is | has ", sentence)[0] for sentence in find_all(configuration)] == [
        "poisons.secml.points",
        "experiments.fashion.calibration + experiments.fashion.test",
        "experiments.fashion.layers",
    ]


def test_of_very_many_problems_the_first_are_said() -> None:
    sentence = sentence_of(replaced("experiments.clean.seeds", ["x", *range(-999, 0)]))
    assert sentence.startswith(
        "experiments.clean.seeds[0] is 'x', allowed is one integer from 0 to 4294967295; "
    )
    assert "; experiments.clean.seeds[5] is -995, allowed is one integer from 0 to 4294967295; " in sentence
    assert sentence.endswith("; and more of the kind")
    assert len(sentence) < 2000


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


def doubled(levels: int) -> list[Any]:
    """Nest lists each of which holds the next twice: of few objects, very many values."""
    value: list[Any] = [0]
    for _ in range(levels):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (nested(1000), f"neighbours.k{'[0]' * 11} lies more than 12 levels deep, allowed are fewer"),
        (ENDLESS, f"neighbours.k{'[0]' * 11} lies more than 12 levels deep, allowed are fewer"),
        ([[0] * 1000] * 30, "the configuration has more than 20000 values, allowed are fewer"),
        (doubled(9), "neighbours.k is [[[[...], [...]], [[...], [...]]], [[[...], [...]], [[...], [...]]]],"),
        ([*range(1001)], "neighbours.k has 1001 entries, allowed are up to 1000"),
        ({HUGE: 1}, "neighbours.k is an integer of more than 40 digits, allowed are smaller ones"),
        ("a" * 4097, "neighbours.k is a text of 4097 characters, allowed are up to 4096"),
    ],
    ids=["deep", "endless", "many", "shared", "long", "huge", "text"],
)  # fmt: skip
def test_what_is_too_large_to_be_checked_is_one_sentence(value: Any, sentence: str) -> None:
    assert sentence_of(replaced("neighbours.k", value)).startswith(sentence)


def list_offered(sentences: list[str], key: str) -> list[str]:
    """List the choices that sentences on a key offer: `allowed is 'a' or 'b'`, or `... of poisons: a, b`."""
    of_key = [sentence for sentence in sentences if re.match(rf"{re.escape(key)}(\[0\])? is ", sentence)]
    offered = []
    for sentence in of_key:
        _, _, allowed = sentence.partition(", allowed ")
        offered += re.findall(r"(?:^is | or )'(\w+)'", allowed)
        offered += allowed.partition(": ")[2].split(", ") if ": " in allowed else []
    return offered


TOGETHER = r", (as in|as the report has it|with which the others)"
"""What ends the sentences on a value that is to be another's."""


@pytest.mark.slow
@pytest.mark.parametrize("path", ONE_OF_EACH, ids=".".join)
def test_a_message_offers_nothing_that_is_then_refused(path: Keys) -> None:
    given = (lambda value: [value]) if isinstance(reduce(getitem, path, DEFAULT), list) else str
    key = ".".join(path)
    for offered in list_offered(find_all(replaced(path, given("none of these"))), key):
        refused = [
            sentence
            for sentence in find_all(replaced(path, given(offered)))
            if re.match(rf"{re.escape(key)}(\[0\])? ", sentence) and not re.search(TOGETHER, sentence)
        ]
        assert refused == [], offered


def test_messages_offer_choices() -> None:
    sentence = "a.b[0] is 'x', allowed are those of poisons: none, badnets_1"
    assert list_offered([sentence, "a.c is 1, allowed is 'y'"], "a.b") == ["none", "badnets_1"]
    assert list_offered(["a is 'x', allowed is 'cosine' or 'l2'"], "a") == ["cosine", "l2"]
    path = ("benches", "evasion", "settings", "evasion_mnist", "inputs", "other_data", "dataset")
    assert list_offered(find_all(replaced(path, "x")), ".".join(path)) == ["fashion_mnist", "cifar10"]


def test_a_folder_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = list(read_constants("datasets", "mnist")["CHECKSUMS"])
    configuration = replaced("datasets.mnist.folder", str(tmp_path))
    start = f"datasets.mnist.folder is {str(tmp_path)!r}, which "
    assert sentence_of(configuration).startswith(f"{start}has no {files[0]}, allowed is ")
    for file in files:
        (tmp_path / f"{file}.gz").touch()
    assert sentence_of(configuration).startswith(f"{start}has compressed files (.gz) that are to be unc")
    for file in files:
        (tmp_path / file).touch()
    check(configuration, SCHEMA)

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)  # root may read everything
    assert sentence_of(configuration).startswith(f"{start}cannot be read (Permission denied), allowed is ")


def is_limited(schema: Any) -> bool:
    """Return whether all numbers of a schema have two ends, and all texts are names or one of a few."""
    if isinstance(schema, dict):
        types = schema.get("type", [])
        if "enum" in schema or "const" in schema or "title" in schema:
            return True
        if "integer" in types or "number" in types:
            ends = {re.sub("exclusive(M)", lambda found: found[1].lower(), key) for key in schema}
            return {"minimum", "maximum"} <= ends
        return all(map(is_limited, schema.values()))
    return all(map(is_limited, schema)) if isinstance(schema, list) else True


def test_every_number_has_a_least_and_a_greatest() -> None:
    assert is_limited(SCHEMA["properties"])
    for kind in ("datasets", "networks", "attacks", "poisons", "detectors"):
        for name in list_methods(kind):
            assert is_limited(read_constants(kind, name)["OPTIONS"]), name


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.slow
@given(path=st.sampled_from(PATHS), value=ANYTHING)
def test_anything_in_the_place_of_a_value_can_be_run_or_is_one_sentence(path: Keys, value: Any) -> None:
    try:
        check(replaced(path, value), SCHEMA)
    except InputError as error:
        sentence = str(error)
        assert ", allowed " in sentence or " required" in sentence
        assert path[0] in sentence


@given(configuration=ANYTHING)
@example(configuration={"\n": None})
def test_anything_for_a_configuration_is_one_sentence(configuration: Any) -> None:
    sentence_of(configuration)


NAMES = [
    *("mnist", "fashion_mnist", "report_cnn", "vgg11", "lenet", "none", "badnets_1", "secml", "secml_flips"),
    *("poison_5", "fgsm", "adaptive", "other_data", "rotation", "dknn", "random", "clean", "two_digits"),
    *("test", "train", "evasion", "relu1", "relu9", "fc"),
]
HOSTILE = st.one_of(
    st.sampled_from(
        [10**400, -(10**400), HUGE, 2**63, 2**64 - 1, 2**31, 10**30, -1, 0, 1, True, False, None]
    ),
    st.sampled_from([5e-324, -1e-320, 1e-320, 1e308, -1e308, 1.0, math.inf, -math.inf, math.nan, 1j]),
    st.sampled_from(["", " ", "-x", "--help", "-1e-320", "1e30", "../x", "$(id)", "{input}", "\ud800"]),
    st.sampled_from(["a" * 300, "a" * 100_000, "a\n", "a\nb", "\r\x00\x1b[31m", b"a", date(2026, 1, 1), len]),
    st.sampled_from([[], [[]], [math.nan], [1, 1.0, True], [HUGE] * 3, ["a" * 300, "\n"], (1, 2), {1, 2}]),
    st.sampled_from([list(range(10_000)), nested(200), nested(2000), [nested(2000), nested(2001)], ENDLESS]),
    st.sampled_from([{}, {"a\nb": {}}, {"a" * 300: None}, {1: 2, None: 3, (1,): 4}, {"method": []}]),
    st.sampled_from([{"method": "dknn"}, {"method": "vim", "layer": "fc", "dimensions": 2**63}]),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    ANYTHING,
)
"""What a settings file may hold, Snakemake's reader of which knows more than YAML's safe types."""

LEAVES = list_leaves(DEFAULT)


def assert_known(problems: dict[str, str], configuration: dict[str, Any]) -> None:
    """Check that problems are of experiments and detectors that there are."""
    known = {*list_experiments(configuration), *configuration["detectors"]}
    assert {part for name in problems for part in name.split("/")} <= known


def check_hostile(changes: list[tuple[Any, Any]]) -> None:
    configuration = copy.deepcopy(DEFAULT)
    for (*parents, last), value in changes:
        try:
            parent = reduce(getitem, parents, configuration)
            parent[last] = value
        except (TypeError, LookupError):
            continue  # an earlier change has replaced what it would lie in
    try:
        problems = check(configuration, SCHEMA)
    except InputError as error:
        event("refused")
        messages = [str(error)]
    else:
        event("partly refused" if problems else "accepted")
        messages = [*problems.values()]
        assert_known(problems, configuration)
    for message in messages:
        assert message.isprintable()
        assert 0 < len(message) < 2500


@pytest.mark.slow
@given(changes=st.lists(st.tuples(st.sampled_from(LEAVES), HOSTILE), min_size=1, max_size=3))
def test_a_hostile_configuration_is_accepted_or_some_sentences(changes: list[tuple[Any, Any]]) -> None:
    check_hostile(changes)


ENTRIES: list[tuple[str, list[Any]]] = [
    *(("inputs", [of]) for of in DEFAULT["experiments"]["clean"]["inputs"].values()),
    ("dataset", [*DEFAULT["datasets"]]),
    ("network", [*DEFAULT["networks"]]),
    ("poison", [None, "poison_5", *DEFAULT["poisons"]]),
    ("classes", [None, [1, 9], [0, 1], [9, 1], [1, 10], [999_999, 1]]),
    ("layers", [None, ["relu1"], ["fc", "relu1"], ["x"]]),
    ("seeds", [[], [0], [2**32 - 1, 0]]),
    ("train", [2, 1_000_000]),
    ("test", [2, 1_000_000]),
    ("calibration", [2, 1_000_000]),
    ("pretraining", [0, 1_000_000]),
    ("attacker", [{}, {"classes": [1, 9]}, {"part": "test", "sources": 1_000_000}, {"classes": [77]}]),
]
NAMES_OF_INPUTS = ["fgsm", "bim", "adaptive", "other_data", "mine", "test", "poison_5", "from_lenet"]


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """Draw changes to an experiment that the schema allows."""
    chosen: dict[str, Any] = {}
    for key, values in draw(st.lists(st.sampled_from(ENTRIES), max_size=6)):
        value = draw(st.sampled_from(values))
        if key == "inputs":
            chosen.setdefault("inputs", {})[draw(st.sampled_from(NAMES_OF_INPUTS))] = value
        else:
            chosen[key] = value
    return chosen


NAMES_OF_EXPERIMENTS = [
    "mine",
    "clean",
    "two_digits",
    "two_digits_quarter",
    "cifar10",
    "mnist_none",
    "tables",
]


@pytest.mark.slow
@given(
    changes=st.dictionaries(st.sampled_from(NAMES_OF_EXPERIMENTS), entries(), max_size=3),
    setting=entries(),
    removed=st.sets(st.sampled_from([*DEFAULT["experiments"]]), max_size=2),
)
def test_experiments_that_the_schema_allows_are_accepted_or_some_sentences(
    changes: dict[str, dict[str, Any]], setting: dict[str, Any], removed: set[str]
) -> None:
    configuration = copy.deepcopy(DEFAULT)
    for name in removed:
        del configuration["experiments"][name]
    for name, of in changes.items():
        configuration["experiments"][name] = DEFAULT["experiments"]["fashion"] | of
    configuration["benches"]["evasion"]["settings"]["mine"] = DEFAULT["experiments"]["fashion"] | setting
    try:
        problems = check(configuration, SCHEMA)
    except InputError as error:
        assert ", allowed " in str(error) or " required" in str(error)
        assert str(error).isprintable()
    else:
        assert "tables" not in changes
        assert_known(problems, configuration)


def write_counts(path: Path, counts: dict[str, list[int]]) -> None:
    """Write a data set of as many images of each class, a pixel each."""
    parts = [np.repeat(np.arange(len(counts[part])), counts[part]) for part in ("train", "test")]
    y = np.concatenate(parts).astype(np.int64)
    classes = np.array([str(label) for label in range(len(counts["train"]))])
    x = np.zeros((len(y), 1, 1, 1), np.uint8)
    write_arrays(
        path, x=x, y=y, n_train=np.array(len(parts[0])), classes=classes, ids=np.arange(len(y)).astype(str)
    )


@pytest.mark.slow
def test_sizes_that_pass_can_be_drawn_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the check lets through the program that draws the splits can do, of a fiftieth of MNIST."""
    of_mnist = read_constants("datasets", "mnist")["COUNTS"]
    counts = {part: [n // 50 for n in of] for part, of in of_mnist.items()}

    def read_small(kind: Kind, name: str) -> dict[str, Any]:
        constants = read_constants(kind, name)
        return constants | {"COUNTS": counts} if "COUNTS" in constants else constants

    monkeypatch.setattr("layeraudit.configuration.read_constants", read_small)
    write_counts(tmp_path / "dataset.npz", counts)
    splits = ("sources", "validation", "clean", "pretraining", "calibration", "test")
    outputs = {name: tmp_path / f"{name}.npz" for name in splits}
    fewest = {"train": 3, "calibration": 2, "test": 2}
    experiment = DEFAULT["experiments"]["fashion"] | fewest | {"dataset": "mnist", "poison": None}
    configuration = copy.deepcopy(DEFAULT)
    configuration["neighbours"]["k"] = 2
    for detector in configuration["detectors"].values():
        detector |= {"k": 2} if "k" in detector else {}

    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        classes = data.draw(st.none() | st.lists(st.integers(0, 9), min_size=2, unique=True), label="classes")
        of_attacker = data.draw(st.lists(st.sampled_from(classes or [*range(10)]), min_size=1, unique=True))
        attacker = {
            "classes": of_attacker if classes or data.draw(st.booleans()) else None,
            "part": data.draw(st.sampled_from(["train", "test"])),
            "sources": data.draw(st.integers(0, 130)),
            "validation": data.draw(st.integers(0, 130)),
        }
        sizes = {
            "train": data.draw(st.integers(3, 1200)),
            "pretraining": data.draw(st.sampled_from([0, 0, 10, 600])),
            "calibration": data.draw(st.integers(2, 60)),
            "test": data.draw(st.integers(2, 190)),
        }
        mine = experiment | sizes | {"classes": classes, "attacker": attacker}
        configuration["experiments"]["mine"] = mine
        problems = check(configuration, SCHEMA)
        try:
            draw_splits(
                dataset=tmp_path / "dataset.npz",
                **outputs,
                classes=classes,
                attacker=attacker,
                clean_size=sizes["train"],
                pretraining_size=sizes["pretraining"],
                calibration_size=sizes["calibration"],
                test_size=sizes["test"],
                seed=0,
            )
        except InputError:
            assert "mine" in problems
        else:
            assert "mine" not in problems

    compare()
