"""Whether a configuration can be run: all that can be known of it before any work."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from layeraudit.datasets import DATASETS
from layeraudit.errors import InputError


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
    _check_sizes(configuration)
    _check_folder(configuration["dataset"])


def _describe(error: ValidationError) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)[1:]
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
    if "minimum" in schema:
        text += f" from {schema['minimum']}" + (f" to {schema['maximum']}" if "maximum" in schema else "")
    return text


def _check_sizes(configuration: Mapping[str, Any]) -> None:
    splits, poison = configuration["splits"], configuration["poison"]
    digits = splits["digits"]
    sizes = {f"splits.{name}": splits[name] for name in ("train", "calibration", "test")}
    sizes |= {f"poison.{name}": poison[name] for name in ("train", "validation")}
    for key, size in sizes.items():
        if size % len(digits):
            raise InputError(f"{key} is {size}, allowed are multiples of {len(digits)}, the number of digits")
    dataset = DATASETS[configuration["dataset"]["name"]]
    for part, counts, keys in [
        ("training", dataset.train_counts, ["splits.train", "poison.train", "poison.validation"]),
        ("test", dataset.test_counts, ["splits.calibration", "splits.test"]),
    ]:
        wanted = sum(sizes[key] for key in keys)
        available = len(digits) * min(counts[digit] for digit in digits)
        if wanted > available:
            raise InputError(
                f"{' + '.join(keys)} is {wanted}, allowed are up to {available} images "
                f"of the digits {digits} in the {part} part of {configuration['dataset']['name']}"
            )
    if poison["points"] > poison["train"]:
        raise InputError(
            f"poison.points is {poison['points']}, "
            f"allowed are 1 to {poison['train']}, the images of poison.train that they start from"
        )
    k, rows = configuration["neighbours"]["k"], splits["train"] + poison["points"]
    if k > rows - 1:
        raise InputError(
            f"neighbours.k is {k}, allowed are 1 to {rows - 1}, "
            "the rows of splits.train + poison.points but one"
        )
    shards = configuration["neighbours"]["shards"]
    if shards > rows:
        raise InputError(
            f"neighbours.shards is {shards}, allowed are 1 to {rows}, "
            "the rows of splits.train + poison.points"
        )


def _check_folder(dataset: Mapping[str, Any]) -> None:
    if dataset["folder"] is None:
        return
    for file in DATASETS[dataset["name"]].checksums:
        path = Path(dataset["folder"]) / file
        if not path.is_file():
            raise InputError(
                f"dataset.folder is {dataset['folder']!r}, allowed is null or a folder with {file}"
            )
