"""Whether a configuration can be run: all that can be known of it before any work."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from layeraudit.datasets import DATASETS
from layeraudit.errors import InputError
from layeraudit.experiments import CONTROLS, RANDOM, UNFILTERED, of_evasion_bench, of_poison_bench, of_report
from layeraudit.methods import Kind, list_methods, read_constants

LAYERS = ("relu1", "relu2", "relu3", "fc")
"""From input to output."""

NETWORKS_FOR_COLOUR = ("all_convolutional", "resnet20", "vgg11")
"""Networks for the images of CIFAR-10, which no other network takes; they take no others."""

DATASET_OF = {"fashion": "fashion_mnist", "cifar10": "cifar10"}
"""The data set of an experiment; of all others it is MNIST."""

RESERVED = ("benchmarks", "claims", "datasets", "figures", "leaderboard", "logs", "tables")
"""Folders of results that are of no experiment."""

WITHOUT_POISON = ("clean", "fashion", "cifar10")
"""Experiments whose training images are as they were found; all others are poisoned."""


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: object, value: object) -> bool:
    return _is_integer(_checker, value) or (isinstance(value, float) and math.isfinite(value))


# JSON Schema takes 75.0 for an integer and NaN for a number; a program's --k does not.
_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


def check(configuration: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration against its schema, then its values against each other and the data set.

    Raises
    ------
    InputError
        Where it cannot be run: one sentence with the key, its value and what is allowed.
    """
    error = best_match(_Validator(schema).iter_errors(configuration))
    if error:
        raise InputError(_describe(error))
    _check_methods("poisons", configuration)
    _check_methods("detectors", configuration)
    _check_sizes(configuration)
    _check_benches(configuration)
    _check_folders(configuration["folders"])


def _describe(error: ValidationError, within: str = "") -> str:
    path = [within, *error.absolute_path] if within else error.absolute_path
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    schema: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        allowed = schema["properties"]
        unknown = next(name for name in value if name not in allowed)
        within = f"{key}." if key else ""
        shown = unknown if str(unknown).isprintable() else repr(unknown)
        return f"{within}{shown} is no key of the configuration, allowed are {', '.join(allowed)}"
    if error.validator == "required":
        missing = next(name for name in schema["required"] if name not in value)
        return f"{key or 'the configuration'} lacks the key {missing}, which is required"
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value):
        hint = "; YAML takes a number with an exponent for text unless it has a point, as 1.0e-4 has"
    return f"{key or 'the configuration'} is {value!r}, allowed is {_allowed(schema)}{hint}"


def _allowed(schema: Mapping[str, Any]) -> str:
    """Say in words what the keywords of a schema, of those that ours uses, allow."""
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    words = {"null": "null", "object": "a mapping of keys", "array": "a list", "string": "a text"}
    text = " or ".join(words.get(name, f"one {name}") for name in types)
    if "pattern" in schema:
        text += f" of the form {schema['pattern']}"
    if "minItems" in schema:
        most = f" to {schema['maxItems']}" if "maxItems" in schema else " or more"
        text += f" of {schema['minItems']}{most} different values"
    if "items" in schema:
        text += f", each {_allowed(schema['items'])}"
    if "contains" in schema:
        text += f", one of them {_allowed(schema['contains'])}"
    if "exclusiveMinimum" in schema:
        text += f" above {schema['exclusiveMinimum']}"
        text += f" up to {schema['maximum']}" if "maximum" in schema else ""
    if "minimum" in schema:
        text += f" from {schema['minimum']}" + (f" to {schema['maximum']}" if "maximum" in schema else "")
    if "multipleOf" in schema:
        text += f", a multiple of {schema['multipleOf']}"
    return text


def _check_methods(kind: Kind, configuration: Mapping[str, Any]) -> None:
    """Check that each poison or detector is one of ours, with the options that its file asks for."""
    layers, k = configuration["activations"]["layers"], configuration["neighbours"]["k"]
    for name, settings in configuration[kind].items():
        key, method = f"{kind}.{name}", settings["method"]
        if method not in (methods := list_methods(kind)):
            raise InputError(f"{key}.method is {method!r}, allowed are {', '.join(methods)}")
        options = read_constants(kind, method)["SCHEMA"]
        schema = {
            "type": "object",
            "properties": {"method": {"type": "string"}} | options,
            "required": list(options),
            "additionalProperties": False,
        }
        error = best_match(_Validator(schema).iter_errors(settings))
        if error:
            raise InputError(_describe(error, within=key))
        named = [*settings.get("layers", []), *([settings["layer"]] if "layer" in settings else [])]
        for layer in named:
            if layer not in layers:
                raise InputError(
                    f"{key} has the layer {layer!r}, allowed are those of activations.layers, {layers}"
                )
        if kind == "detectors" and settings.get("k", 1) > k:
            raise InputError(f"{key}.k is {settings['k']}, allowed are 1 to {k}, which is neighbours.k")


def _check_benches(configuration: Mapping[str, Any]) -> None:
    bench = configuration["benches"]["poison"]
    for control in CONTROLS:
        if (found := configuration["detectors"].get(control)) != {"method": control}:
            raise InputError(
                f"detectors.{control} is {found!r}, allowed is {{'method': {control!r}}}: it is a control"
            )
    if RANDOM not in bench["retrained"]:
        raise InputError(
            f"benches.poison.retrained is {bench['retrained']}, allowed is a list that has {RANDOM!r}, "
            "with which the others are compared"
        )
    if UNFILTERED in configuration["detectors"]:
        raise InputError(f"detectors has {UNFILTERED!r}, allowed are other names: it stands for none of them")
    for setting, settings in bench["settings"].items():
        for poison in settings["poisons"]:
            key = f"benches.poison.settings.{setting}.poisons"
            _check_name(poison, configuration["poisons"], key, "poisons")
    for detector in bench["retrained"]:
        judging = [name for name in configuration["detectors"] if is_for("poison", configuration, name)]
        _check_name(detector, judging, "benches.poison.retrained", "detectors")
    if not any(of["seeds"] and of["method"] != "none" for of in of_poison_bench(configuration).values()):
        raise InputError("benches.poison.settings has no seed of a poison, allowed are one or more")
    if not any(of["seeds"] for of in of_evasion_bench(configuration).values()):
        raise InputError("benches.evasion.settings has no seed, allowed are one or more")
    names = [*configuration["experiments"], *configuration["benches"]["evasion"]["settings"], *RESERVED]
    names += [f"{setting}_{poison}" for setting, of in bench["settings"].items() for poison in of["poisons"]]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"benches: {name} is the name of two experiments or folders of results, "
                "allowed are names of one"
            )
    k, shards = configuration["neighbours"]["k"], configuration["neighbours"]["shards"]
    for experiment in (of_poison_bench(configuration) | of_evasion_bench(configuration)).values():
        key = f"benches.{experiment['bench']}.settings.{experiment['setting']}"
        for value, of, most in [(k, "k", experiment["train"] - 1), (shards, "shards", experiment["train"])]:
            if value > most:
                raise InputError(
                    f"neighbours.{of} is {value}, allowed are 1 to {most} with the rows of {key}.train"
                )
        if experiment["bench"] == "evasion":
            _check_evasions(experiment, key)
        _check_parts(
            experiment,
            {"sources": f"{key}.attack_sources", "validation": f"{key}.attack_validation"},
            key,
        )


def _check_evasions(experiment: Mapping[str, Any], key: str) -> None:
    for name, settings in experiment["inputs"].items():
        of_other_data = name == "other_data"
        most = sum(DATASETS[settings["dataset"]].test_counts) if of_other_data else experiment["test"]
        if settings["images"] > most:
            raise InputError(f"{key}.inputs.{name}.images is {settings['images']}, allowed are up to {most}")
    if experiment["inputs"]["other_data"]["dataset"] == experiment["dataset"]:
        raise InputError(
            f"{key}.inputs.other_data.dataset is {experiment['dataset']!r}, "
            f"allowed is another than {key}.dataset"
        )


def _check_name(name: str, allowed: Iterable[str], key: str, kind: Kind) -> None:
    if name not in allowed:
        raise InputError(f"{key} has {name!r}, allowed are those of {kind}: {', '.join(allowed)}")


def is_for(bench: str, configuration: Mapping[str, Any], detector: str) -> bool:
    """Say whether a detector of the configuration judges what a bench shows: `poison` or `evasion`."""
    method = configuration["detectors"][detector]["method"]
    return bench in read_constants("detectors", method)["BENCHES"]


def _check_sizes(configuration: Mapping[str, Any]) -> None:
    poison = configuration["poison"]
    k, shards = configuration["neighbours"]["k"], configuration["neighbours"]["shards"]
    for name, experiment in configuration["experiments"].items():
        key = f"experiments.{name}"
        allowed = DATASET_OF.get(name, "mnist")
        if experiment["dataset"] != allowed:
            raise InputError(f"{key}.dataset is {experiment['dataset']!r}, allowed is {allowed!r}")
        networks = NETWORKS_FOR_COLOUR if name == "cifar10" else ("report_cnn",)
        if experiment["network"] not in networks:
            raise InputError(
                f"{key}.network is {experiment['network']!r}, allowed is {' or '.join(map(repr, networks))}"
            )
        if not experiment["seeds"] and name != "cifar10":
            raise InputError(f"{key}.seeds is [], allowed is a list of 1 or more different values")
        _check_digits(poison["digits"], experiment["digits"], key)
        _check_parts(
            of_report(configuration)[name],
            {"sources": "poison.train", "validation": "poison.validation"},
            key,
        )
        points = experiment["poison"]
        if (points == 0) != (name in WITHOUT_POISON):
            number = "0" if name in WITHOUT_POISON else f"1 to {poison['train']}"
            raise InputError(f"{key}.poison is {points}, allowed is {number}")
        _check_points(points, f"{key}.poison", poison["train"])
        rows = experiment["train"] + points
        for value, of, most in [(k, "k", rows - 1), (shards, "shards", rows)]:
            if value > most:
                raise InputError(
                    f"neighbours.{of} is {value}, allowed are 1 to {most} "
                    f"with the {rows} rows of {key}.train + poison"
                )
    _check_trainings(configuration["experiments"])
    layers = configuration["activations"]["layers"]
    if layers != [layer for layer in LAYERS if layer in layers]:
        raise InputError(f"activations.layers is {layers}, allowed are layers in the order {list(LAYERS)}")
    _check_inputs(configuration["inputs"], configuration["experiments"]["clean"]["test"])
    _check_transfer(configuration["transfer"], configuration["experiments"])
    _check_adaptive(configuration["adaptive"], configuration)
    for points in poison["test_points"]:
        _check_points(points, "poison.test_points", poison["train"])


def _check_trainings(experiments: Mapping[str, Any]) -> None:
    """Check that the trainings that Table 1 compares are of the same images and poison."""
    shared = ("digits", "calibration", "test", "poison", "poison_part")
    for name, like, keys in [
        ("two_digits_memorised", "two_digits", (*shared, "train", "poison_kind")),
        ("two_digits_quarter", "two_digits", shared),
        ("two_digits_quarter_flips", "two_digits_quarter", (*shared, "train", "epochs", "batch_size")),
    ]:
        for key in keys:
            value, wanted = experiments[name][key], experiments[like][key]
            if value != wanted:
                raise InputError(
                    f"experiments.{name}.{key} is {value!r}, allowed is {wanted!r}, as in experiments.{like}"
                )


def _check_inputs(inputs: Mapping[str, Any], n_test: int) -> None:
    for name, settings in inputs.items():
        most = sum(DATASETS[name].test_counts) if name in DATASETS else n_test
        if settings["images"] > most:
            of = f"the test part of {name}" if name in DATASETS else "experiments.clean.test"
            raise InputError(
                f"inputs.{name}.images is {settings['images']}, allowed are up to {most}, those of {of}"
            )


def _check_transfer(transfer: Mapping[str, Any], experiments: Mapping[str, Any]) -> None:
    for name, settings in transfer["experiments"].items():
        for key, value, of in [
            (f"experiments.{name}.images", settings["images"], "test"),
            ("validation", transfer["validation"], "calibration"),
            (f"experiments.{name}.networks.train", settings["networks"]["train"], "train"),
        ]:
            if value > (most := experiments[name][of]):
                allowed = f"allowed are up to {most}, those of experiments.{name}.{of}"
                raise InputError(f"transfer.{key} is {value}, {allowed}")
        for key in ("sources", "targets"):
            for network in settings[key]:
                if network == experiments[name]["network"]:
                    raise InputError(
                        f"transfer.experiments.{name}.{key} has {network!r}, "
                        "allowed are other networks than the audited one, whose weights it would begin with"
                    )
                if (network in NETWORKS_FOR_COLOUR) != (name == "cifar10"):
                    raise InputError(
                        f"transfer.experiments.{name}.{key} has {network!r}, "
                        f"allowed are networks for the images of {experiments[name]['dataset']}"
                    )


def _check_adaptive(adaptive: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    if adaptive["images"] > (most := configuration["experiments"]["clean"]["test"]):
        allowed = f"allowed are up to {most}, those of experiments.clean.test"
        raise InputError(f"adaptive.images is {adaptive['images']}, {allowed}")
    layer, layers = adaptive["guides"]["layer"], configuration["activations"]["layers"]
    if layer not in layers:
        raise InputError(
            f"adaptive.guides.layer is {layer!r}, allowed are those of activations.layers, {layers}"
        )
    classes, digits = adaptive["guides"]["classes"], configuration["experiments"]["clean"]["digits"]
    if classes >= len(digits):
        raise InputError(
            f"adaptive.guides.classes is {classes}, allowed are 1 to {len(digits) - 1}, "
            "the digits of experiments.clean.digits but an image's own"
        )
    epsilon, epsilons = adaptive["intermediate_level"]["epsilon"], adaptive["epsilons"]
    if epsilon not in epsilons:
        raise InputError(
            f"adaptive.intermediate_level.epsilon is {epsilon}, "
            f"allowed are those of adaptive.epsilons, {epsilons}"
        )
    if adaptive["radii"] != sorted(adaptive["radii"]):
        raise InputError(f"adaptive.radii is {adaptive['radii']}, allowed are radii from the least")


def _check_digits(digits: Sequence[int], allowed: Sequence[int], key: str) -> None:
    if not set(digits) <= set(allowed):
        raise InputError(f"poison.digits is {digits}, allowed are digits of {key}.digits, {allowed}")


def _check_points(points: int, key: str, sources: int) -> None:
    if points > sources:
        raise InputError(
            f"{key} is {points}, allowed are up to {sources}, "
            "the images of poison.train that the points start from"
        )


def _check_parts(experiment: Mapping[str, Any], keys: Mapping[str, str], key: str) -> None:
    """Check that each part of the data set has the images drawn from it, first those of the attack.

    Parameters
    ----------
    experiment : as `list_experiments` gives it
    keys : what the configuration calls the `sources` and the `validation` of its attack
    key : what it calls the experiment
    """
    attack = experiment["attack"]
    of_the_model = ["train", *(["pretraining"] if experiment["pretraining"] else [])]
    for part, names in [("train", of_the_model), ("test", ["calibration", "test"])]:
        counts = DATASETS[experiment["dataset"]].counts(part)
        of = f"the {part} part of {experiment['dataset']}"
        wanted = {f"{key}.{name}": experiment[name] for name in names}
        if attack["part"] == part and attack["sources"] + attack["validation"]:
            of_attack = {keys[name]: attack[name] for name in keys}
            _check_available(of_attack, attack["digits"], counts, of)
            wanted |= of_attack
        _check_available(wanted, experiment["digits"], counts, of)


def _check_available(
    wanted: Mapping[str, int], digits: Sequence[int], counts: Sequence[int], of: str
) -> None:
    total, available = sum(wanted.values()), sum(counts[digit] for digit in digits)
    if total > available:
        raise InputError(
            f"{' + '.join(wanted)} is {total}, allowed are up to {available}, "
            f"the images of the classes {digits} in {of}"
        )


def _check_folders(folders: Mapping[str, str | None]) -> None:
    for name, folder in folders.items():
        for file in DATASETS[name].checksums:
            if folder is not None and not Path(folder, file).is_file():
                raise InputError(f"folders.{name} is {folder!r}, allowed is null or a folder with {file}")
