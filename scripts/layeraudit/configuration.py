"""Whether a configuration can be run: all that can be known of it before any work."""

import math
import re
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Sized
from difflib import get_close_matches
from importlib import import_module
from itertools import accumulate, chain, islice
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any, NamedTuple, get_args

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from layeraudit.errors import InputError
from layeraudit.experiments import (
    ADAPTIVE,
    OPTIONS,
    OTHER_DATA,
    Attacker,
    Experiment,
    list_audits,
    list_experiments,
    list_settings,
)
from layeraudit.plugins import Kind, list_methods, name_files, read_constants

UNLABELLED = "unlabelled_folder"
"""The method of data sets that can only be inputs of an audit."""

RESERVED = ("benchmarks", "figures", "leaderboard", "logs", "measures", "tables")
"""Folders of a variant that are of no experiment."""

TAKEN_BY_SPLITS = (
    r"train|test|clean|calibration|pretraining|evasion"
    r"|attack_(set|sources|validation)|(poison|probe|from)_.*"
)
"""Names of splits, which no input may have."""

SHARED = ("audit", "datasets", "leaderboard")
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


class Problem(NamedTuple):
    """What is wrong with a configuration.

    Attributes
    ----------
    sentence : with the key, its value and what is allowed
    concerns : experiments, detectors and detectors in an experiment (`mine/lid`) that cannot be run; none
        where nothing can
    """

    sentence: str
    concerns: tuple[str, ...] = ()


def check(configuration: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, str]:
    """Check a configuration against its schema, then its values against each other and the data sets.

    Returns
    -------
    For each experiment, detector or detector in an experiment (`mine/lid`) that cannot be run a sentence, or
    several, that says why.

    Raises
    ------
    InputError
        Where nothing can be run: with all that was found, a sentence each.
    """
    _check_extent(configuration)
    errors = _Validator(_with_options(schema)).iter_errors(configuration)
    sentences = list(islice(chain.from_iterable(map(_describe, errors)), LONGEST))
    problems: list[Problem] = []
    if not sentences:
        problems = list(find_problems(configuration))
        sentences = [problem.sentence for problem in problems if not problem.concerns]
    if sentences:
        raise InputError(_join(sentences))
    concerned = {name for problem in problems for name in problem.concerns}
    return {
        name: _join([problem.sentence for problem in problems if name in problem.concerns])
        for name in concerned
    }


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
    """Return the schema together with that of the options of each plug-in."""
    kinds: dict[str, Any] = {
        kind: {"additionalProperties": _describe_methods(_list_options(kind))} for kind in get_args(Kind)
    }
    del kinds["attacks"]
    methods = _list_options("attacks") | OPTIONS
    inputs = _describe_methods({name: {"images": True} | options for name, options in methods.items()})
    experiment = {"properties": {"inputs": {"additionalProperties": inputs}}}
    bench = {"properties": {"settings": {"additionalProperties": experiment}}}
    kinds |= {
        "experiments": {"additionalProperties": experiment},
        "benches": {"properties": {"poison": bench, "evasion": bench}},
    }
    return {**schema, "allOf": [{"properties": kinds}]}


def _list_options(kind: Kind) -> dict[str, dict[str, Any]]:
    common: dict[str, Any] = {"normalisation": True} if kind == "networks" else {}
    return {name: common | read_constants(kind, name)["OPTIONS"] for name in list_methods(kind)}


def _describe_methods(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the schema of a method together with the options that it has."""
    return {
        "properties": {"method": {"enum": list(methods)}},
        "allOf": [
            {
                "if": {"required": ["method"], "properties": {"method": {"const": name}}},
                "then": {
                    "properties": {"method": True, **options},
                    "required": list(options),
                    "additionalProperties": False,
                },
            }
            for name, options in methods.items()
        ],
    }


def _join(problems: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(problems))
    n = max(1, sum(length <= LONGEST for length in accumulate(map(len, distinct))))
    return "; ".join([*distinct[:n], *(["and more of the kind"] if n < len(distinct) else [])])


def _describe(error: ValidationError) -> Iterator[str]:
    """Describe what a keyword of the schema finds, in a sentence for each key."""
    key = "".join(
        f"[{show(part)}]" if isinstance(part, int) else f".{_show_name(part)}" for part in error.absolute_path
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
        yield f"{key} has the name {show(value)}, allowed is {_allowed(schema)}"
    else:
        hint = ""
        if (
            "number" in schema.get("type", "")
            and isinstance(value, str)
            and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value)
        ):
            hint = "; YAML takes a number with an exponent for text unless it has a point, as 1.0e-4 has"
        yield f"{key or 'the configuration'} is {show(value)}, allowed is {_allowed(schema)}{hint}"


def show(value: object) -> str:
    """Represent a value in at most 200 printable characters."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _show_name(name: object) -> str:
    return name if isinstance(name, str) and name.isprintable() and 0 < len(name) <= 64 else show(name)


def _guess(name: object, allowed: Iterable[str]) -> str:
    """Ask whether a name like it was meant, where there is one."""
    like = get_close_matches(name.lower(), allowed, n=1) if isinstance(name, str) else []
    return f" (did you mean {like[0]}?)" if like else ""


def _list(names: Iterable[object]) -> str:
    return shorten(", ".join(map(str, names)), 1000, placeholder=" ...")


def _allowed(schema: Mapping[str, Any]) -> str:
    """Return in words what the keywords of a schema, of those that ours uses, allow."""
    if "title" in schema:
        return str(schema["title"])
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    if "type" not in schema:
        return str(schema.get("description", "what its file says"))
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
        text += f" of {number} {'different ' * schema.get('uniqueItems', False)}values"
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


def is_for(bench: str, configuration: Mapping[str, Any], detector: str) -> bool:
    """Return whether a detector of the configuration scores what a bench shows: `poison` or `evasion`."""
    method = configuration["detectors"][detector]["method"]
    return bench in read_constants("detectors", method)["BENCHES"]


def find_problems(configuration: Mapping[str, Any]) -> Iterator[Problem]:
    """Find what is wrong with a configuration that its schema allows."""
    if (variant := configuration["variant"]) in SHARED:
        yield Problem(f"variant is {variant!r}, allowed are other names than {', '.join(SHARED)}")
    yield from _find_names_of_two(configuration)
    yield from _find_missing_files(configuration)
    if unknown := list(_find_dangling(configuration)):
        yield from unknown  # what follows looks these names up
        return
    experiments, keys = list_experiments(configuration), _name_keys(configuration)
    for name, experiment in experiments.items():
        for problem in _find_in_experiment(experiment, configuration, keys[name]):
            yield Problem(problem, (name,))
    yield from _find_in_detectors(configuration, experiments, keys)
    yield from _find_in_inputs(experiments, keys)
    for study in _load_studies():
        yield from study.find_problems(configuration, experiments)


def _load_studies() -> list[ModuleType]:
    """Import the module of each study that is here which knows what the study needs."""
    found = sorted(Path(__file__).parent.glob("*/configuration.py"))
    return [import_module(f"layeraudit.{path.parent.name}.configuration") for path in found]


def _name_keys(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return what the configuration calls each experiment."""
    keys = {name: f"experiments.{name}" for name in configuration["experiments"]}
    return keys | {
        name: f"benches.{bench}.settings.{setting}"
        for bench, setting, name, _ in list_settings(configuration)
    }


def _find_names_of_two(configuration: Mapping[str, Any]) -> Iterator[Problem]:
    names = [*configuration["experiments"], *list_audits(configuration), *RESERVED]
    names += [name for _, _, name, _ in list_settings(configuration)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Problem(
            f"{name} is the name of two experiments or folders of results, allowed are names of one"
        )


def find_taken(kind: str, taken: str, configuration: Mapping[str, Any]) -> Iterator[Problem]:
    """Find names of a kind that files or tables use for something else, by a pattern of these."""
    for name in configuration[kind]:
        if re.fullmatch(taken, name):
            yield Problem(f"{kind} has {name!r}, allowed are other names: it stands for something else")


def _find_dangling(configuration: Mapping[str, Any]) -> Iterator[Problem]:
    """Find names of data sets, networks, poisons and detectors that the configuration has not."""
    datasets, networks, poisons = (configuration[kind] for kind in ("datasets", "networks", "poisons"))
    labelled = list_labelled(datasets)
    named = {f"experiments.{name}": settings for name, settings in configuration["experiments"].items()}
    for bench, compared in configuration.get("benches", {}).items():
        for setting, settings in compared["settings"].items():
            named[f"benches.{bench}.settings.{setting}"] = settings
    for key, settings in named.items():
        yield from find_name(settings["dataset"], labelled, f"{key}.dataset", "those of datasets with labels")
        yield from find_name(settings["network"], networks, f"{key}.network", "those of networks")
        for number, poison in enumerate(settings.get("poisons", [])):
            yield from find_name(poison, poisons, f"{key}.poisons[{number}]", "those of poisons")
        poison = settings.get("poison")
        if poison is not None and "poisons" in settings:
            yield Problem(f"{key}.poison is {show(poison)}, allowed is null, since {key}.poisons names them")
        elif poison is not None:
            yield from find_name(poison, poisons, f"{key}.poison", "null and those of poisons")
        for name, of in settings.get("inputs", {}).items():
            if of["method"] == OTHER_DATA and of["dataset"] not in labelled:
                others = [dataset for dataset in labelled if dataset != settings["dataset"]]
                at = f"{key}.inputs.{name}.dataset"
                yield from find_name(of["dataset"], others, at, "those of datasets but its own")


def list_labelled(datasets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List the names of data sets that have labels."""
    return [name for name, settings in datasets.items() if settings["method"] != UNLABELLED]


def find_name(name: str, allowed: Collection[str], key: str, of: str) -> Iterator[Problem]:
    """Find a name under a key that is none of those allowed, which `of` describes."""
    if name not in allowed:
        yield Problem(f"{key} is {show(name)}{_guess(name, allowed)}, allowed are {of}: {_list(allowed)}")


def _find_in_experiment(experiment: Experiment, configuration: Mapping[str, Any], key: str) -> Iterator[str]:
    constants = read_constants("datasets", configuration["datasets"][experiment["dataset"]]["method"])
    counts: Mapping[str, Sequence[int]] | None = constants.get("COUNTS")
    attacker = experiment["attacker"]
    poison = experiment["poison_settings"] or {}
    yield from find_in_poison(experiment["poison"], poison, attacker, key)
    if experiment["classes"] and not {*(attacker["classes"] or [])} <= {*experiment["classes"]}:
        yield (
            f"{key}.attacker.classes is {show(attacker['classes'])}, allowed are those of {key}.classes, "
            f"{experiment['classes']}"
        )
    rows = (experiment["train"] or 0) + poison.get("points", 0)
    for name, most in [("k", rows - 1), ("shards", rows)]:
        value = configuration["neighbours"][name]
        if value > most:
            yield (
                f"neighbours.{name} is {value}, allowed are 1 to {most} with the {rows} rows of {key}.train "
                "and its poison"
            )
    if counts:
        yield from _find_missing_images(experiment, counts, key)
    yield from _find_in_layers(experiment, key)
    for option in ("source", "target"):
        label, classes = poison.get(option), len(counts["train"]) if counts else math.inf
        if label is not None and label >= classes:
            yield (
                f"poisons.{experiment['poison']}.{option} is {label}, allowed are the classes of "
                f"{experiment['dataset']}, 0 to {classes - 1}"
            )
    for layer in _list_layers(poison):
        if layer not in experiment["layers"]:
            yield (
                f"poisons.{experiment['poison']} has the layer {show(layer)}, allowed are those of "
                f"{key}, {experiment['layers']}"
            )
    if experiment["bench"] == "evasion" and not experiment["inputs"]:
        yield f"{key}.inputs is {{}}, allowed are one or more, which detectors tell from held-out images"
    for name in experiment["inputs"]:
        yield from _find_in_input(name, experiment, configuration["datasets"], key)
    if experiment["adaptive"]:
        yield from _find_in_adaptive(experiment, counts, f"{key}.inputs.{ADAPTIVE}")


def _find_in_layers(experiment: Experiment, key: str) -> Iterator[str]:
    """Find layers that the network has not; those of a network that its options make are not known here."""
    network, layers = experiment["network"], experiment["layers"]
    allowed = read_constants("networks", network["method"])["LAYERS"]
    if allowed and layers != [layer for layer in allowed if layer in layers]:
        yield (
            f"{key}.layers is {show(layers)}, allowed are layers of {experiment['network_name']} in their "
            f"order, {allowed}"
        )
    if allowed:
        return
    of = f"as the method of {experiment['network_name']} is {network['method']}"
    if not layers:
        yield f"{key}.layers is null, allowed are names of layers, {of}"
    if experiment["pretraining"]:
        yield f"{key}.pretraining is {experiment['pretraining']}, allowed is 0, {of}"
    if network.get("weights", True):  # a method without the option takes a file that holds them
        yield (
            f"{key}.network is {show(experiment['network_name'])}, which has weights, allowed are networks "
            "to train; only audits take weights"
        )


def _find_in_input(
    name: str, experiment: Experiment, datasets: Mapping[str, Mapping[str, Any]], key: str
) -> Iterator[str]:
    settings, of = experiment["inputs"][name], f"{key}.inputs.{name}"
    most, those = experiment["test"], f"{key}.test"
    if settings["method"] == OTHER_DATA:
        dataset = settings["dataset"]
        counts = read_constants("datasets", datasets[dataset]["method"]).get("COUNTS")
        most, those = sum(counts["test"]) if counts else settings["images"], f"the test part of {dataset}"
        if dataset == experiment["dataset"]:
            yield f"{of}.dataset is {dataset!r}, allowed are others than {key}.dataset"
    if settings["images"] > most:
        yield f"{of}.images is {settings['images']}, allowed are up to {most}, those of {those}"
    for layer in _list_layers(settings):
        if layer not in experiment["layers"]:
            yield f"{of} has the layer {show(layer)}, allowed are those of {key}, {experiment['layers']}"


def find_in_poison(name: str, poison: Mapping[str, Any], attacker: Attacker, key: str) -> Iterator[str]:
    """Find what a poison lacks among the attacker's images."""
    if poison.get("points", 0) > attacker["sources"]:
        yield (
            f"poisons.{name}.points is {poison['points']}, allowed are up to {attacker['sources']}, "
            f"as many as {key}.attacker.sources"
        )
    if poison.get("pairs", ()) is None and len(attacker["classes"] or []) != 2:
        yield (
            f"{key}.attacker.classes is {show(attacker['classes'])}, allowed are two, "
            f"as poisons.{name}.pairs is null"
        )


def _find_in_adaptive(
    experiment: Experiment, counts: Mapping[str, Sequence[int]] | None, key: str
) -> Iterator[str]:
    adaptive = experiment["adaptive"] or {}
    if (layer := adaptive["guides"]["layer"]) not in experiment["layers"]:
        yield f"adaptive.guides.layer is {show(layer)}, allowed are {experiment['layers']}"
    classes = experiment["classes"] or (range(len(counts["train"])) if counts else None)
    if classes and adaptive["guides"]["classes"] >= len(classes):
        yield (
            f"adaptive.guides.classes is {adaptive['guides']['classes']}, "
            f"allowed are 1 to {len(classes) - 1}, the classes but an image's own"
        )
    ila, epsilons = adaptive["intermediate_level"], adaptive["epsilons"]
    if ila and ila["epsilon"] not in epsilons:
        yield (
            f"{key}.intermediate_level.epsilon is {ila['epsilon']}, allowed are those of "
            f"{key}.epsilons, {show(epsilons)}"
        )
    if adaptive["radii"] != sorted(adaptive["radii"]):
        yield f"{key}.radii is {show(adaptive['radii'])}, allowed are radii from the least"


def _find_missing_images(
    experiment: Experiment, counts: Mapping[str, Sequence[int]], key: str
) -> Iterator[str]:
    """Find parts of a data set that have fewer images than are drawn from them."""
    every = list(range(len(counts["train"])))
    attacker = experiment["attacker"]
    outside = {
        f"{key}.{name} has {label}, allowed are 0 to {every[-1]}"
        for name, classes in [("classes", experiment["classes"]), ("attacker.classes", attacker["classes"])]
        for label in classes or []
        if label not in every
    }
    if outside:
        yield from sorted(outside)
        return
    own = ["train", *(["pretraining"] if experiment["pretraining"] else [])]
    drawn: dict[str, list[str]] = {"train": own, "test": ["calibration", "test"]}
    for part, names in drawn.items():
        of = f"the {part} part of {experiment['dataset']}"
        wanted = {f"{key}.{name}": int(experiment[name]) for name in names}  # type: ignore[literal-required]
        if attacker["part"] == part and attacker["sources"] + attacker["validation"]:
            taken = {
                f"{key}.attacker.sources": attacker["sources"],
                f"{key}.attacker.validation": attacker["validation"],
            }
            yield from _find_missing(taken, attacker["classes"] or every, counts[part], of)
            wanted |= taken
        yield from _find_missing(wanted, experiment["classes"] or every, counts[part], of)


def _find_missing(
    wanted: Mapping[str, int], classes: Sequence[int], counts: Sequence[int], of: str
) -> Iterator[str]:
    total, available = sum(wanted.values()), sum(counts[label] for label in classes)
    if total > available:
        yield (
            f"{' + '.join(wanted)} is {total}, allowed are up to {available}, "
            f"the images of the classes {list(classes)} in {of}"
        )


def _find_in_detectors(
    configuration: Mapping[str, Any], experiments: Mapping[str, Experiment], keys: Mapping[str, str]
) -> Iterator[Problem]:
    """Find options of detectors that do not suit the neighbours, or an experiment."""
    k = configuration["neighbours"]["k"]
    for name, settings in configuration["detectors"].items():
        if (settings.get("k") or 1) > k:
            yield Problem(
                f"detectors.{name}.k is {settings['k']}, allowed are 1 to {k}, which is neighbours.k", (name,)
            )
        for experiment, of in experiments.items():
            if of["bench"] and not is_for(of["bench"], configuration, name):
                continue
            for layer in _list_layers(settings):
                if layer not in of["layers"]:
                    yield Problem(
                        f"detectors.{name} has the layer {show(layer)}, allowed are those of "
                        f"{keys[experiment]}, {of['layers']}",
                        (f"{experiment}/{name}",),
                    )


def _list_layers(settings: Mapping[str, Any]) -> list[str]:
    """List the layers that the options of a plug-in name."""
    named = [*(settings.get("layers") or []), settings.get("layer")]
    return [layer for layer in named if layer is not None]


def _find_in_inputs(experiments: Mapping[str, Experiment], keys: Mapping[str, str]) -> Iterator[Problem]:
    """Find names of inputs that rules and tables could not tell from other files or inputs."""
    first: dict[str, tuple[str, str]] = {}
    for experiment, of in experiments.items():
        for name, settings in of["inputs"].items():
            key, method = f"{keys[experiment]}.inputs.{name}", settings["method"]
            before, at = first.setdefault(name, (method, key))
            if re.fullmatch(TAKEN_BY_SPLITS, name):
                yield Problem(f"{key} has the name of a split, allowed are other names")
            elif (method == ADAPTIVE) != (name == ADAPTIVE):
                yield Problem(
                    f"{key}.method is {method!r}, allowed is {ADAPTIVE!r} under the name {ADAPTIVE} alone"
                )
            elif method != before:
                yield Problem(f"{key}.method is {method!r}, allowed is {before!r}, as in {at}")


def _find_missing_files(configuration: Mapping[str, Any]) -> Iterator[Problem]:
    kinds: tuple[Kind, ...] = ("datasets", "networks")
    for kind in kinds:
        for name, settings in configuration[kind].items():
            files = read_constants(kind, settings["method"]).get("CHECKSUMS", {})
            allowed = f"null or a folder with {', '.join(files)}" if files else "what can be read"
            for key, path in name_files(kind, settings).items():
                if problem := _find_problem(Path(path), files):
                    yield Problem(
                        f"{kind}.{name}.{key} is {show(path)}, which {problem}, allowed is {allowed}"
                    )
                elif kind == "networks" and Path.cwd().is_relative_to(Path(path).resolve()):
                    # What the run writes would have its network imported again.
                    yield Problem(
                        f"{kind}.{name}.{key} is {show(path)}, which holds the results too, allowed is a "
                        "folder of its own"
                    )


def _find_problem(folder: Path, files: Iterable[str]) -> str:
    """Return what is wrong with a file, or a folder that is to have these files; empty where nothing is."""
    try:
        if not files:
            return "" if folder.exists() else "does not exist"
        missing = [file for file in files if not (folder / file).is_file()]
        if not folder.is_dir():
            return "is no folder" if folder.exists() else "does not exist"
        if not missing:
            return ""
        if any(folder.glob("*.gz")):
            return f"has compressed files (.gz) that are to be uncompressed, but no {missing[0]}"
        return f"has no {missing[0]}"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
