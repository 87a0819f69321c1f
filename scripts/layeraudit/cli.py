"""The command line of a step: made of its function's signature, with one sentence for a user's mistake.

A step is a function whose parameters are keyword-only: its inputs, its outputs and its settings. Files stand
on the command line as words (`--neighbours a.npy b.npy`), settings as JSON (`--epsilons=[0.1, 0.2]`), texts
without quotes (`--network=lenet`). Beside each output lies a record of what it is,
see `layeraudit.checksums`.
"""

import argparse
import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal

from layeraudit.checksums import check_record, write_record
from layeraudit.errors import InputError

Input = Annotated[Path, "input"]
"""A file that the step reads; where a step has written it, it is checked against its record first."""

Output = Annotated[Path, "output"]
"""A file or folder that the step writes, with a record beside it."""

NUMBER_OF_FILES: dict[Any, str | None] = {
    hint: number
    for one in (Path, Input, Output)
    for hint, number in ((one, None), (one | None, "?"), (list[one], "*"))  # type: ignore[valid-type]
}
"""How many words an option of each type of files has, as argparse writes it."""


def run(function: Callable[..., None]) -> None:
    """Run a step on the arguments of the command line.

    A mistake of the user's, or too small a disk or memory, ends in one sentence and exit 1. Every other
    exception is a fault of ours and keeps its traceback.
    """
    arguments = vars(make_parser(function).parse_args())
    try:
        run_step(function, arguments)
    except (InputError, OSError, MemoryError) as error:
        # What a library says may have many lines.
        sentence = " ".join(str(error).split()) or "the memory does not suffice"
        sys.exit(f"{Path(sys.argv[0]).name}: {sentence}")


def run_step(function: Callable[..., None], arguments: Mapping[str, Any]) -> None:
    """Check the inputs of a step, run it, and record its outputs.

    Raises
    ------
    InputError
        Where an input is missing or is not what its record says, or where the step raises it.
    """
    for path in list_files(function, arguments, Input):
        check_record(path)
    function(**arguments)
    for path in list_files(function, arguments, Output):
        write_record(path)


def list_files(function: Callable[..., None], arguments: Mapping[str, Any], kind: Any) -> Iterator[Path]:
    """Yield the files of a step that are of a kind, `Input` or `Output`."""
    for name, hint in typing.get_type_hints(function, include_extras=True).items():
        if hint in (kind, kind | None) and arguments[name] is not None:
            yield arguments[name]
        elif hint == list[kind]:
            yield from arguments[name]


def make_parser(function: Callable[..., None]) -> argparse.ArgumentParser:
    """Make the parser of a step: an option for each parameter, required unless it has a default.

    Raises
    ------
    TypeError
        Where a parameter has a type that no option can have, or is not keyword-only.
    """
    text = inspect.getdoc(function) or ""
    helps = dict(re.findall(r"^(\w+) : (.*)$", text, re.MULTILINE))
    module = inspect.getdoc(inspect.getmodule(function)) or text
    parser = argparse.ArgumentParser(
        description=module, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{name} of {function.__name__} is not keyword-only")
        required = parameter.default is inspect.Parameter.empty
        parser.add_argument(
            _name_option(name),
            required=required,
            help=helps.get(name, "").replace("%", "%%"),
            default=None if required else parameter.default,
            **_describe_option(hints[name]),
        )
    return parser


def _describe_option(hint: Any) -> dict[str, Any]:
    """Return how argparse reads a parameter of a type."""
    if hint in NUMBER_OF_FILES:
        number = NUMBER_OF_FILES[hint]
        return {"type": Path} | ({"nargs": number} if number else {})
    if typing.get_origin(hint) is Literal:
        return {"choices": typing.get_args(hint)}
    if hint is str:
        return {}

    def read(text: str) -> Any:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        try:
            return _convert(value, hint)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is given, allowed is {_name(hint)}") from None

    return {"type": read}


def _convert(value: object, hint: Any) -> Any:
    """Return a value of JSON as one of a type; an integer is a number too.

    Raises
    ------
    ValueError
        Where it is none.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        for one in inner:
            with suppress(ValueError):
                return _convert(value, one)
    elif origin is Literal and value in inner:
        return value
    elif origin is list and isinstance(value, list):
        return [_convert(one, inner[0]) for one in value]
    elif origin is dict and isinstance(value, dict):
        return {name: _convert(one, inner[1]) for name, one in value.items()}
    elif hint is Any or type(value) is hint:
        return value
    elif hint is float and type(value) is int:
        return float(value)
    raise ValueError


def _name(hint: Any) -> str:
    return re.sub(r"<class '(\w+)'>", r"\1", str(hint))


def write_files(files: Iterable[tuple[str, str | Iterable[str]]]) -> list[str]:
    """Return named files as the words of a command line.

    Parameters
    ----------
    files : the name of a parameter, with a path or several
    """
    return [
        word
        for name, paths in files
        for word in [_name_option(name), *([paths] if isinstance(paths, str) else paths)]
    ]


def write_settings(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as the words of a command line, each with its name."""
    return [
        f"{_name_option(name)}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in settings.items()
    ]


def _name_option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
