"""Plug-ins: methods that are found by their names, each a module of the folder of its kind."""

import ast
import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

Kind = Literal["datasets", "networks", "poisons", "attacks", "detectors"]

FOLDER = Path(__file__).parent

LITERALS = (
    *("TITLE", "REFERENCE", "ENVIRONMENT", "OPTIONS"),
    *("BENCHES", "VARIANT_OF", "LAYERS", "COUNTS", "CHECKSUMS"),
)
"""What a method's file says of it in capitals."""


def list_methods(kind: Kind) -> list[str]:
    """List the names of the methods of a kind."""
    return sorted(path.stem for path in (FOLDER / kind).glob("[!_]*.py"))


@cache
def read_constants(kind: Kind, name: str) -> dict[str, Any]:
    """Read what a method's file says of it in capitals, without running the file.

    What a method imports is not installed where the configuration is checked.

    Returns
    -------
    Those of `LITERALS` that it says
    """
    constants = {}
    for node in _parse(kind, name).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in LITERALS:
                constants[target.id] = ast.literal_eval(node.value)
    return constants


def read_idea(kind: Kind, name: str) -> str:
    """Return the idea of a method in one line, the first of its file's docstring."""
    return (ast.get_docstring(_parse(kind, name)) or "").partition("\n")[0]


def _parse(kind: Kind, name: str) -> ast.Module:
    return ast.parse((FOLDER / kind / f"{name}.py").read_text())


def load(kind: Kind, name: str) -> ModuleType:
    """Import a method, in the environment that it asks for."""
    return importlib.import_module(f"layeraudit.{kind}.{name}")


def name_files(kind: Kind, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the user's own files and folders that settings name: the options whose `format` is `path`."""
    options = read_constants(kind, settings["method"])["OPTIONS"]
    paths = {name: settings[name] for name, schema in options.items() if schema.get("format") == "path"}
    return {name: path for name, path in paths.items() if isinstance(path, str)}


def split_settings(settings: Mapping[str, Any], *others: str) -> tuple[str, dict[str, Any]]:
    """Return the method that settings name, and its options: all but the method and the named others."""
    return settings["method"], {key: of for key, of in settings.items() if key not in ("method", *others)}
