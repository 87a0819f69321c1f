"""Whether a configuration can be run: all that can be known of it before any work."""

import math
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from difflib import get_close_matches
from itertools import accumulate, chain, islice
from pathlib import Path
from textwrap import shorten
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from layeraudit.datasets import DATASETS
from layeraudit.errors import InputError
from layeraudit.experiments import CONTROLS, RANDOM, UNFILTERED, of_evasion_bench, of_poison_bench, of_report
from layeraudit.plugins import Kind, list_methods, read_constants

LAYERS = ("relu1", "relu2", "relu3", "fc")
"""From input to output."""

NETWORKS_FOR_GREY = ("report_cnn", "tramer_a", "tramer_b", "tramer_c", "tramer_d", "lenet", "small_resnet")
"""Networks for the images of MNIST and Fashion-MNIST."""

NETWORKS_FOR_COLOUR = ("all_convolutional", "resnet20", "vgg11")
"""Networks for the images of CIFAR-10."""

RESERVED = ("benchmarks", "claims", "figures", "leaderboard", "logs", "replaced", "tables")
"""Folders of a variant that are of no experiment."""

SHARED = ("datasets", "leaderboard")
"""Folders of results that are of no variant."""

MOST_VALUES, MOST_ENTRIES, MOST_LEVELS, MOST_CHARACTERS = 20_000, 1_000, 12, 4_096
"""Of a configuration; of a list or mapping in it; of its nesting; of a text, which may be a path."""

LONGEST = 1500
"""Characters of a message, unless one sentence alone is longer."""


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: object, value: object) -> bool:
    return _is_integer(_checker, value) or (isinstance(value, float) and math.isfinite(value))


def _match_whole(
    _validator: object, pattern: str, value: object, _schema: object
) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError(pattern)


# JSON Schema takes 75.0 for an integer and NaN for a number; a program's --k does not. The $ of Python's
# patterns matches before a line break at the end too.
_Validator = extend(
    Draft202012Validator,
    validators={"pattern": _match_whole},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


_BRIEF = reprlib.Repr()
_BRIEF.maxlevel = 3
_BRIEF.maxlist = _BRIEF.maxdict = 20
_BRIEF.maxstring = _BRIEF.maxother = 80


def check(configuration: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration against its schema, then its values against each other and the data set.

    Raises
    ------
    InputError
        Where it cannot be run: a sentence with the key, its value and what is allowed, for each problem that
        the schema finds, or for the first of the others.
    """
    _check_extent(configuration)
    errors = _Validator(_with_options(schema)).iter_errors(configuration)
    problems = list(islice(chain.from_iterable(map(_describe, errors)), LONGEST))
    if problems:
        raise InputError(_join(problems))
    if (variant := configuration["variant"]) in SHARED:
        raise InputError(f"variant is {variant!r}, allowed are other names than {' and '.join(SHARED)}")
    _check_methods("poisons", configuration)
    _check_methods("detectors", configuration)
    _check_sizes(configuration)
    _check_benches(configuration)
    _check_folders(configuration["folders"])


def _check_extent(configuration: object) -> None:
    """Check that nothing is so large that jsonschema, which prints what it refuses, fails or hangs on it."""
    for number, (key, value, level) in enumerate(_walk("", configuration, 0)):
        size = len(value) if isinstance(value, Sized) else 0
        if number == MOST_VALUES:
            raise InputError(f"the configuration has more than {MOST_VALUES} values, allowed are fewer")
        if level > MOST_LEVELS:
            problem = f"lies more than {MOST_LEVELS} levels deep, allowed are fewer"
        elif isinstance(value, int) and abs(value) >= 10**40:
            problem = "is an integer of more than 40 digits, allowed are smaller ones"
        elif isinstance(value, str | bytes) and size > MOST_CHARACTERS:
            problem = f"is a text of {size} characters, allowed are up to {MOST_CHARACTERS}"
        elif not isinstance(value, str | bytes) and size > MOST_ENTRIES:
            problem = f"has {size} entries, allowed are up to {MOST_ENTRIES}"
        else:
            continue
        raise InputError(f"{key[1:] or 'the configuration'} {problem}")


def _walk(key: str, value: object, level: int) -> Iterator[tuple[str, object, int]]:
    """Yield a value, and all values and keys that are in it, each with its key and its level."""
    yield key, value, level
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(key, name, level + 1)
            yield from _walk(f"{key}.{_show_name(name)}", inner, level + 1)
    elif isinstance(value, list | tuple | set):
        for row, inner in enumerate(value):
            yield from _walk(f"{key}[{row}]", inner, level + 1)


def _with_options(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema together with that of the options of each poison and detector."""
    kinds: dict[str, Any] = {}
    for kind in ("poisons", "detectors"):
        methods = {name: read_constants(kind, name)["SCHEMA"] for name in list_methods(kind)}
        kinds[kind] = {
            "additionalProperties": {
                "properties": {"method": {"enum": list(methods)}},
                "allOf": [
                    {
                        "if": {"required": ["method"], "properties": {"method": {"const": name}}},
                        "then": {
                            "properties": {"method": True} | options,
                            "required": list(options),
                            "additionalProperties": False,
                        },
                    }
                    for name, options in methods.items()
                ],
            }
        }
    return {**schema, "allOf": [{"properties": kinds}]}


def _join(problems: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(problems))
    n = max(1, sum(length <= LONGEST for length in accumulate(map(len, distinct))))
    return "; ".join([*distinct[:n], *(["and more of the kind"] if n < len(distinct) else [])])


def _describe(error: ValidationError) -> Iterator[str]:
    """Describe what a keyword of the schema finds, in a sentence for each key."""
    key = "".join(
        f"[{_show(part)}]" if isinstance(part, int) else f".{_show_name(part)}"
        for part in error.absolute_path
    )[1:]
    schema: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        allowed = schema["properties"]
        for name in value:
            if name not in allowed:
                yield (
                    f"{key}{'.' if key else ''}{_show_name(name)} is no key of the configuration"
                    f"{_guess(name, allowed)}, allowed are {', '.join(allowed)}"
                )
    elif error.validator == "required":
        missing = [name for name in schema["required"] if name not in value]
        keys = (
            f"the key {missing[0]}, which is"
            if len(missing) == 1
            else f"the keys {', '.join(missing)}, which are"
        )
        yield f"{key or 'the configuration'} lacks {keys} required"
    elif "propertyNames" in error.absolute_schema_path:
        yield f"{key} has the name {_show(value)}, allowed is {_allowed(schema)}"
    else:
        hint = ""
        if (
            "number" in schema.get("type", "")
            and isinstance(value, str)
            and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value)
        ):
            hint = "; YAML takes a number with an exponent for text unless it has a point, as 1.0e-4 has"
        yield f"{key or 'the configuration'} is {_show(value)}, allowed is {_allowed(schema)}{hint}"


def _show(value: object) -> str:
    """Represent a value in at most 200 printable characters."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _show_name(name: object) -> str:
    return name if isinstance(name, str) and name.isprintable() and 0 < len(name) <= 64 else _show(name)


def _guess(name: object, allowed: Iterable[str]) -> str:
    """Ask whether a name like it was meant, where there is one."""
    like = get_close_matches(name.lower(), allowed, n=1) if isinstance(name, str) else []
    return f" (did you mean {like[0]}?)" if like else ""


def _list(names: Iterable[object]) -> str:
    return shorten(", ".join(map(str, names)), 1000, placeholder=" ...")


def _allowed(schema: Mapping[str, Any]) -> str:
    """Say in words what the keywords of a schema, of those that ours uses, allow."""
    if "title" in schema:
        return str(schema["title"])
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    words = {
        "null": "null",
        "object": "a mapping of keys",
        "array": "a list",
        "string": "a text",
        "boolean": "true or false",
    }
    text = " or ".join(words.get(name, f"one {name}") for name in types)
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if least or most < math.inf:
        number = least if least == most else f"{least} or more" if most == math.inf else f"{least} to {most}"
        text += f" of {number} different values"
    if "items" in schema:
        text += f", each {_allowed(schema['items'])}"
    if "contains" in schema:
        text += f", one of them {_allowed(schema['contains'])}"
    for word, keyword in (("above", "exclusiveMinimum"), ("from", "minimum"), ("to", "maximum")):
        text += f" {word} {_number(schema[keyword])}" if keyword in schema else ""
    if "multipleOf" in schema:
        text += f", a multiple of {schema['multipleOf']}"
    return text


def _number(value: float) -> str:
    """Write a number as YAML reads it, which takes 1e-06 for text."""
    return re.sub(r"^(\d+)e", r"\1.0e", repr(value))


def _check_methods(kind: Kind, configuration: Mapping[str, Any]) -> None:
    """Check the options of each poison or detector against the other keys."""
    layers, k = configuration["activations"]["layers"], configuration["neighbours"]["k"]
    for name, settings in configuration[kind].items():
        named = [*settings.get("layers", []), *([settings["layer"]] if "layer" in settings else [])]
        for layer in named:
            if layer not in layers:
                raise InputError(
                    f"{kind}.{name} has the layer {_show(layer)}, "
                    f"allowed are those of activations.layers, {layers}"
                )
        if kind == "detectors" and settings.get("k", 1) > k:
            raise InputError(
                f"{kind}.{name}.k is {settings['k']}, allowed are 1 to {k}, which is neighbours.k"
            )


def _check_benches(configuration: Mapping[str, Any]) -> None:
    bench = configuration["benches"]["poison"]
    for control in CONTROLS:
        if (found := configuration["detectors"].get(control)) != {"method": control}:
            allowed = {"method": control}
            raise InputError(f"detectors.{control} is {_show(found)}, allowed is {allowed}: it is a control")
    if RANDOM not in bench["retrained"]:
        raise InputError(
            f"benches.poison.retrained is {_show(bench['retrained'])}, "
            f"allowed is a list that has {RANDOM!r}, with which the others are compared"
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
    other, dataset = experiment["inputs"]["other_data"]["dataset"], experiment["dataset"]
    allowed = {"mnist": "fashion_mnist", "fashion_mnist": "mnist"}[dataset]
    if other != allowed:
        raise InputError(
            f"{key}.inputs.other_data.dataset is {_show(other)}, "
            f"allowed is {allowed!r}, since {key}.dataset is {dataset!r}"
        )
    for name, settings in experiment["inputs"].items():
        of_other_data = name == "other_data"
        most = sum(DATASETS[settings["dataset"]].test_counts) if of_other_data else experiment["test"]
        if settings["images"] > most:
            raise InputError(f"{key}.inputs.{name}.images is {settings['images']}, allowed are up to {most}")


def _check_name(name: str, allowed: Iterable[str], key: str, kind: Kind) -> None:
    if name not in allowed:
        raise InputError(
            f"{key} has {_show(name)}{_guess(name, allowed)}, allowed are those of {kind}: {_list(allowed)}"
        )


def is_for(bench: str, configuration: Mapping[str, Any], detector: str) -> bool:
    """Say whether a detector of the configuration judges what a bench shows: `poison` or `evasion`."""
    method = configuration["detectors"][detector]["method"]
    return bench in read_constants("detectors", method)["BENCHES"]


def _check_sizes(configuration: Mapping[str, Any]) -> None:
    poison = configuration["poison"]
    k, shards = configuration["neighbours"]["k"], configuration["neighbours"]["shards"]
    for name, experiment in configuration["experiments"].items():
        key = f"experiments.{name}"
        _check_digits(poison["digits"], experiment["digits"], key)
        _check_parts(
            of_report(configuration)[name],
            {"sources": "poison.train", "validation": "poison.validation"},
            key,
        )
        _check_points(experiment["poison"], f"{key}.poison", poison["train"])
        rows = experiment["train"] + experiment["poison"]
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
        ("two_digits_memorised", "two_digits", (*shared, "train")),
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
        audited, dataset = experiments[name]["network"], experiments[name]["dataset"]
        networks = NETWORKS_FOR_COLOUR if dataset == "cifar10" else NETWORKS_FOR_GREY
        allowed = ", ".join(network for network in networks if network != audited)
        for key in ("sources", "targets"):
            for network in settings[key]:
                if network not in networks or network == audited:
                    raise InputError(
                        f"transfer.experiments.{name}.{key} has {_show(network)}, allowed are {allowed}, "
                        f"which take the images of {dataset} and are not experiments.{name}.network"
                    )


def _check_adaptive(adaptive: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    if adaptive["images"] > (most := configuration["experiments"]["clean"]["test"]):
        allowed = f"allowed are up to {most}, those of experiments.clean.test"
        raise InputError(f"adaptive.images is {adaptive['images']}, {allowed}")
    layer, layers = adaptive["guides"]["layer"], configuration["activations"]["layers"]
    if layer not in layers:
        raise InputError(
            f"adaptive.guides.layer is {_show(layer)}, allowed are those of activations.layers, {layers}"
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
            f"allowed are those of adaptive.epsilons, {_show(epsilons)}"
        )
    if adaptive["radii"] != sorted(adaptive["radii"]):
        raise InputError(f"adaptive.radii is {_show(adaptive['radii'])}, allowed are radii from the least")


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
        if folder is not None and (problem := _find_problem(Path(folder), DATASETS[name].checksums)):
            raise InputError(
                f"folders.{name} is {_show(folder)}, which {problem}, "
                f"allowed is null or a folder with {', '.join(DATASETS[name].checksums)}"
            )


def _find_problem(folder: Path, files: Iterable[str]) -> str:
    """Find what is wrong with a folder that is to have these files; empty where nothing is."""
    try:
        missing = [file for file in files if not (folder / file).is_file()]
        if not missing:
            return ""
        if not folder.is_dir():
            return "is no folder" if folder.exists() else "does not exist"
        if any(folder.glob("*.gz")):
            return f"has compressed files (.gz) that are to be uncompressed, but no {missing[0]}"
        return f"has no {missing[0]}"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
