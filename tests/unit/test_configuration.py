"""A configuration that cannot be run ends in one sentence: the key, its value and what is allowed."""

import copy
import math
import re
from datetime import date
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY
from hypothesis import event, example, given
from hypothesis import strategies as st

from layeraudit.configuration import NETWORKS_FOR_COLOUR, NETWORKS_FOR_GREY, check
from layeraudit.datasets import DATASETS
from layeraudit.errors import InputError
from layeraudit.networks import NETWORKS
from layeraudit.plugins import list_methods, read_constants

DEFAULT = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
SCHEMA = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())


HUGE = 16**6000
"""Python itself raises where this is to be shown."""

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


def leaves(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of everything in a configuration, items of lists and free names included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [
        *([prefix] if prefix else []),
        *(path for key, inner in items for path in leaves(inner, (*prefix, key))),
    ]


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
    ids=lambda value: value if isinstance(value, str) else "",
    argvalues=[
        ("neighbours.k", "many", "neighbours.k is 'many', allowed is one integer from 1"),
        ("neighbours.k", 75.0, "neighbours.k is 75.0, allowed is one integer from 1"),
        ("training.learning_rate", "1e-4", "training.learning_rate is '1e-4', allowed is one number"),
        ("variant", "../x", "variant is '../x', allowed is a text of 1 to 64 lower-case "),
        ("variant", "a" * 65, f"variant is '{'a' * 65}', allowed is a text of 1 to 64 lower-case letters, "),
        ("variant", "datasets", "variant is 'datasets', allowed are other names than datasets and "),
        ("variant", "a\n", "variant is 'a\\n', allowed is a text of 1 to 64"),
        ("detectors.a\n", {"method": "none"}, "detectors has the name 'a\\n', allowed is a text of 1 to 64"),
        ("neighbours.k", True, "neighbours.k is True, allowed is one integer from 1"),
        ("neighbours.k", 10**400, "neighbours.k is an integer of more than 40 digits, allowed are s"),
        ("neighbours.k", HUGE, "neighbours.k is an integer of more than 40 digits, allowed are s"),
        ("poison.solver.max_iterations", 10**30, "poison.solver.max_iterations is 1000000000000000000000000"),
        ("poison.solver.max_iterations", "1e30", "poison.solver.max_iterations is '1e30', allowed is one in"),
        (
            "poison.solver.tolerance",
            "1e-4",
            "poison.solver.tolerance is '1e-4', allowed is one number from 1.0e-12 to 1; YAML takes a numb",
        ),
        ("inputs.rotated.degrees", 1e308, "inputs.rotated.degrees is 1e+308, allowed is one number from -36"),
        ("neighbours.k", 1050, "neighbours.k is 1050, allowed are 1 to 1049 with the 1050 rows of "),
        ("neighbours.metric", "l1", "neighbours.metric is 'l1', allowed is 'cosine' or 'l2'"),
        ("experiments.two_digits.poison", 101, "experiments.two_digits.poison is 101, allowed are up to "),
        ("experiments.ten_digits.poison", 0, "experiments.ten_digits.poison is 0, allowed is one integer "),
        ("experiments.clean.poison", 1, "experiments.clean.poison is 1, allowed is 0"),
        ("poison.test_points", [15, 101], "poison.test_points is 101, allowed are up to 100, the images of "),
        (
            "experiments.two_digits_memorised.poison",
            40,
            "experiments.two_digits_memorised.poison is 40, allowed is 50, as in experiments.two_digits",
        ),
        ("poison.radius", float("nan"), "poison.radius is nan, allowed is one number from 0.001 to 100"),
        ("poison.radius", 1e-320, "poison.radius is 1e-320, allowed is one number from 0.001 to 100"),
        ("poison.bounds", [0, 255], "poison.bounds is [0, 255], allowed is [0, 1]"),
        ("poison.solver.eta_max", "none", "poison.solver.eta_max is 'none', allowed is one number or null"),
        ("poison.digits", [1, 10], "poison.digits[1] is 10, allowed is one integer from 0 to 9"),
        ("poison.digits", [1, 1], "poison.digits is [1, 1], allowed is a list of 2 different"),
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
        ("transfer.experiments.clean.sources", ["vgg"], "transfer.experiments.clean.sources has 'vgg', "),
        ("transfer.experiments.clean.targets", ["vgg11"], "transfer.experiments.clean.targets has 'vgg11', "),
        ("transfer.experiments.cifar10.sources", ["lenet"], "transfer.experiments.cifar10.sources has 'len"),
        ("transfer.experiments.cifar10.targets", ["all_convolutional"], "transfer.experiments.cifar10.targ"),
        ("experiments.cifar10.network", "report_cnn", "experiments.cifar10.network is 'report_cnn', allow"),
        ("experiments.clean.network", "vgg11", "experiments.clean.network is 'vgg11', allowed is 'report"),
        ("experiments.cifar10.dataset", "mnist", "experiments.cifar10.dataset is 'mnist', allowed is 'ci"),
        ("transfer.passes", 5, "transfer.passes is 5, allowed is one integer from 4 to 10000, a multiple"),
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
        ("adaptive.guides.layer", "conv1", "adaptive.guides.layer is 'conv1', allowed are those of "),
        ("adaptive.guides.classes", 0, "adaptive.guides.classes is 0, allowed is one integer from 1 to 9"),
        ("adaptive.intermediate_level.epsilon", 0.5, "adaptive.intermediate_level.epsilon is 0.5, "),
        ("calibration.mode", None, "calibration.mode is None, allowed is 'paper' or 'cleverhans' or"),
        ("inputs.bim.images", 8651, "inputs.bim.images is 8651, allowed are up to 8650, those of "),
        ("inputs.fashion_mnist.images", 10001, "inputs.fashion_mnist.images is 10001, allowed are up to "),
        ("poisons.badnets_5.method", "badnet", "poisons.badnets_5.method is 'badnet', allowed is 'badnets' "),
        ("poisons.badnets_5.rate", 2, "poisons.badnets_5.rate is 2, allowed is one number "),
        ("poisons.badnets_5.colour", 1, "poisons.badnets_5.colour is no key of the configuration, allowed "),
        ("poisons.badnets_5.target", 10, "poisons.badnets_5.target is 10, allowed is one "),
        ("poisons.secml_1x50.pairs", [[1, 11]], "poisons.secml_1x50.pairs"),
        ("benches.poison.settings", {}, "benches.poison.settings has no seed of a poison, allowed are one "),
        ("benches.evasion.settings", {}, "benches.evasion.settings has no seed, allowed are one or more"),
        ("detectors.unfiltered", {"method": "random"}, "detectors has 'unfiltered', allowed are other names"),
        ("poisons.Bad", {"method": "none"}, "poisons has the name 'Bad', allowed is a text of 1 to 64 "),
        ("detectors.dknn_paper.mode", "best", "detectors.dknn_paper.mode is 'best', allowed is 'paper' or "),
        ("detectors.knn_distance.k", 76, "detectors.knn_distance.k is 76, allowed are 1 to 75, which is "),
        ("detectors.mahalanobis.layer", "relu9", "detectors.mahalanobis has the layer 'relu9', allowed are "),
        ("benches.poison.removed", 0, "benches.poison.removed is 0, allowed is one number from 0.0001 "),
        ("benches.poison.retrained", ["random", "x"], "benches.poison.retrained has 'x', allowed are those"),
        (
            "benches.poison.retrained",
            ["random", "perfekt"],
            "benches.poison.retrained has 'perfekt' (did you mean perfect?), allowed are those of ",
        ),
        ("benches.poison.retrained", ["dknn_paper"], "benches.poison.retrained is ['dknn_paper'], allowed "),
        ("detectors.random", {"method": "perfect"}, "detectors.random is {'method': 'perfect'}, allowed is"),
        ("benches.poison.settings.mnist.poisons", ["x"], "benches.poison.settings.mnist.poisons has 'x', "),
        ("benches.poison.settings.mnist.train", 60000, "benches.poison.settings.mnist.train + benches.poiso"),
        ("benches.poison.settings.mnist.train", 75, "neighbours.k is 75, allowed are 1 to 74 with the rows "),
        (
            "benches.evasion.settings.evasion_mnist.inputs.other_data.dataset",
            "mnist",
            "benches.evasion.settings.evasion_mnist.inputs.other_data.dataset is 'mnist', allowed is 'fashi",
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
        ("folders.mnist", "nowhere", "folders.mnist is 'nowhere', which does not exist, allowed is null or "),
        ("folders.mnist", "a\0b", "folders.mnist is 'a\\x00b', which does not exist, allowed is null or a "),
        (
            "folders.mnist",
            "a" * 300,
            f"folders.mnist is '{'a' * 37}...{'a' * 38}', which cannot be read (File name too long), allow",
        ),
        ("folders.mnist", __file__, f"folders.mnist is {__file__!r}, which is no folder, allowed is null "),
        ("folders.fashion_mnist", 5, "folders.fashion_mnist is 5, allowed is "),
        ("experiments.clean.seeds", [], "experiments.clean.seeds is [], allowed is a list of 1 or more "),
        ("experiments.clean.seeds", [-1], "experiments.clean.seeds[0] is -1, allowed is one integer "),
        ("activations", None, "activations is None, allowed is a mapping of keys"),
        ("poison.pionts", 5, "poison.pionts is no key of the configuration, allowed are digits, "),
        ("neighbors", 5, "neighbors is no key of the configuration (did you mean neighbours?), allowed are "),
        ("neighbours.K", 5, "neighbours.K is no key of the configuration (did you mean k?), allowed are k, "),
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


def test_all_that_the_schema_finds_is_said_at_once() -> None:
    configuration = replaced(("neighbours", "k"), "many")
    configuration["neighbors"] = configuration["neighbours"]
    configuration["detectors"]["lid"] = {"method": "lid", "layer": "fc"}
    del configuration["poison"]["radius"], configuration["poison"]["train"]
    assert [problem.split(",")[0] for problem in sentence_of(configuration).split("; ")] == [
        "neighbors is no key of the configuration (did you mean neighbours?)",
        "poison lacks the keys train",
        "neighbours.k is 'many'",
        "detectors.lid lacks the keys layers",
        "detectors.lid.layer is no key of the configuration (did you mean layers?)",
    ]


def test_of_very_many_problems_the_first_are_said() -> None:
    sentence = sentence_of(replaced(("experiments", "clean", "seeds"), ["x", *range(-999, 0)]))
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
    assert sentence_of(replaced(("neighbours", "k"), value)).startswith(sentence)


@pytest.mark.parametrize("path", paths(DEFAULT), ids=".".join)
@pytest.mark.slow
def test_a_message_offers_nothing_that_is_then_refused(path: tuple[str, ...]) -> None:
    given = (lambda value: [value]) if isinstance(reduce(getitem, path, DEFAULT), list) else str
    _, _, allowed = sentence_of(replaced(path, given("none of these"))).partition(", allowed is ")
    for offered in re.findall(r"(?:^| or )'(\w+)'", allowed):
        try:
            check(replaced(path, given(offered)), SCHEMA)
        except InputError as error:
            alone_too_few = path == ("activations", "layers")
            assert not re.match(rf"{'.'.join(path)}(\[0\])? ", str(error)) or alone_too_few


@pytest.mark.parametrize("name", ["clean", "fashion", "cifar10"])
def test_every_network_that_transfer_offers_can_be_taken(name: str) -> None:
    path = ("transfer", "experiments", name, "sources")
    sentence = sentence_of(replaced(path, ["x"]))
    offered = re.search("allowed are (.*), which take", sentence)[1].split(", ")
    assert {*offered, DEFAULT["experiments"][name]["network"]} <= NETWORKS.keys()
    check(replaced(path, offered), SCHEMA)
    assert {*NETWORKS_FOR_GREY, *NETWORKS_FOR_COLOUR} == NETWORKS.keys()


def test_a_folder_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = list(DATASETS["mnist"].checksums)
    configuration = replaced(("folders", "mnist"), str(tmp_path))
    start = f"folders.mnist is {str(tmp_path)!r}, which "
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


def limited(schema: Any) -> bool:
    """Say whether all numbers and lists of a schema have an end, and all texts are names or one of a few."""
    if isinstance(schema, dict):
        types = schema.get("type", [])
        if "enum" in schema or "const" in schema or "title" in schema:
            return True
        if ("integer" in types or "number" in types) and not {"minimum", "maximum"} <= schema.keys():
            return False
        return all(map(limited, schema.values()))
    return all(map(limited, schema)) if isinstance(schema, list) else True


def test_every_number_has_a_least_and_a_greatest() -> None:
    assert limited(SCHEMA["properties"])
    for kind in ("poisons", "detectors"):
        for name in list_methods(kind):
            assert limited(read_constants(kind, name)["SCHEMA"]), name


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
        assert ", allowed " in sentence or " required" in sentence
        assert path[0] in sentence


@given(configuration=ANYTHING)
@example(configuration={"\n": None})
def test_anything_for_a_configuration_is_one_sentence(configuration: Any) -> None:
    sentence_of(configuration)


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
    ANYTHING,
)
"""What a settings file may hold, Snakemake's reader of which knows more than YAML's safe types."""


@given(changes=st.lists(st.tuples(st.sampled_from(leaves(DEFAULT)), HOSTILE), min_size=1, max_size=3))
def test_a_hostile_configuration_is_accepted_or_one_message(changes: list[tuple[Any, Any]]) -> None:
    configuration = copy.deepcopy(DEFAULT)
    for (*parents, last), value in changes:
        try:
            parent = reduce(getitem, parents, configuration)
            parent[last] = value
        except (TypeError, LookupError):
            continue  # an earlier change has replaced what it would lie in
    try:
        check(configuration, SCHEMA)
    except InputError as error:
        event("refused")
        assert str(error).isprintable()
        assert len(str(error)) < 2000
    else:
        event("accepted")


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
