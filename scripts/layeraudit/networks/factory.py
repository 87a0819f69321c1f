"""A network of your own: what a Python function returns."""

import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import layeraudit.torchvision_operators  # noqa: F401  # the user's code may import torchvision, and timm does
from layeraudit.errors import InputError
from layeraudit.networks import Shape

TITLE = "Factory"
REFERENCE = ""
ENVIRONMENT = "torch"
OPTIONS = {
    "factory": {
        "description": "The function that returns the network, as package.module:function.",
        "title": "a text such as package.module:function",
        "type": "string",
        "pattern": r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$",
    },
    "train": {
        "description": "A function that trains it, for errors planted before training; null plants none.",
        "title": "a text such as package.module:function, or null",
        "type": ["string", "null"],
        "pattern": r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$",
    },
    "folder": {
        "description": "The folder that the package lies in, put first on Python's path; null is none.",
        "type": ["string", "null"],
        "format": "path",
    },
    "arguments": {
        "description": "What the function is called with, by keyword.",
        "type": "object",
        "additionalProperties": {
            "description": "Any value of JSON.",
            "type": ["null", "boolean", "integer", "string", "array", "object", "number"],
            "minimum": -1e308,
            "maximum": 1e308,
        },
    },
    "weights": {
        "description": "A state_dict, or .safetensors; null keeps the weights that the function returns.",
        "type": ["string", "null"],
        "format": "path",
    },
    "environment": {
        "description": "A conda environment of your own, in which all runs that has to do with the network.",
        "title": "null or a file of a conda environment, .yaml or .yml",
        "type": ["string", "null"],
        "pattern": r".*\.ya?ml",
        "format": "path",
    },
}
LAYERS: list[str] = []

NOT_THE_USERS = (
    Path(__file__).parents[1],
    Path(torch.__file__).parent,
    Path(traceback.__file__).parent / "importlib",
)
"""Folders of code that calls the user's, or that it calls."""


def build(
    shape: Shape,
    n_classes: int,
    *,
    factory: str,
    folder: str | None,
    arguments: dict[str, Any],
    weights: str | None,  # read by layeraudit.audit.weights, once
    train: str | None,  # called by `train_again`
    environment: str | None,  # the one that this runs in
) -> nn.Module:
    """Return the network that the function returns, in float32, with logits as its only output.

    Parameters
    ----------
    factory : `package.module:function`; it is called here, and so is all code that its module runs

    Raises
    ------
    InputError
        Where the user's code raises an exception, with its line; where it returns no module, or TorchScript;
        and as `check_training_function` and `return_logits` do.
    """
    root = Path(folder).resolve() if folder else None
    with exit_in_user_code(factory, root):
        network = _find_function(factory, root)(**arguments)
        if train:
            check_training_function(_find_function(train, root), train)
    if not isinstance(network, nn.Module):
        raise InputError(f"{factory} returns {_describe(network)}, allowed is a torch.nn.Module")
    if any(isinstance(part, torch.jit.ScriptModule) for part in network.modules()):
        raise InputError(
            f"{factory} returns TorchScript, whose layers take no hooks, allowed is a network of Python code"
        )
    return return_logits(network, shape, n_classes, source=factory, root=root)


def check_training_function(function: Any, name: str) -> None:
    """Check that a training function can be called with network, images and labels, before any long work.

    Raises
    ------
    InputError
        Where it takes other arguments.
    """
    try:
        inspect.signature(function).bind(None, None, None)
    except TypeError as error:
        raise InputError(
            f"{name} cannot be called with network, images and labels ({error}), allowed is a function that "
            "takes these three"
        ) from error
    except ValueError:
        pass  # Python knows no signature of some functions in C


def return_logits(
    network: nn.Module, shape: Shape, n_classes: int, *, source: str, root: Path | None
) -> nn.Module:
    """Return a network in float32, whose only output are logits, after a try on two images.

    Parameters
    ----------
    source : what the network is from, for sentences
    root : the folder of the user's code, where it is known

    Raises
    ------
    InputError
        Where it raises an exception, or makes no logits, neither alone, nor as `.logits`, nor as the first of
        several outputs.
    """
    images = torch.zeros(2, *shape)
    with exit_in_user_code(f"{source}, on images of {list(shape)},", root), torch.no_grad():
        output = network.float().cpu().eval()(images)
    logits = take_logits(network, None, output)
    if not isinstance(logits, Tensor) or logits.shape != (2, n_classes):
        made = logits if hasattr(output, "logits") else output
        raise InputError(
            f"the network of {source} makes {_describe(made)} of two images, allowed are logits, "
            f"[2, {n_classes}], alone, as .logits, or first in a tuple"
        )
    if logits is not output:
        network.register_forward_hook(take_logits)
    return network


def train_again(network: nn.Module, x: Tensor, y: Tensor, *, train: str, folder: str | None) -> None:
    """Train a network in place, by the user's own function of network, images and labels.

    Parameters
    ----------
    network : with the weights that the factory gave it; it normalises its images itself
    x, y : float32 [n, c, h, w] in [0, 1], and int64 [n]
    train, folder : `package.module:function`, and where the package lies

    Raises
    ------
    InputError
        Where the user's code raises an exception, with its line.
    """
    root = Path(folder).resolve() if folder else None
    with exit_in_user_code(train, root):
        _find_function(train, root)(network, x, y)


def take_logits(_network: nn.Module, _inputs: object, output: Any) -> Any:
    """Return the logits among the outputs of a network, as a hook does; it changes no layer's name."""
    if isinstance(output, Tensor):
        return output
    if hasattr(output, "logits"):
        return output.logits
    return output[0] if isinstance(output, tuple | list) and output else output


def _find_function(factory: str, root: Path | None) -> Any:
    """Import the function, from a folder where one is given."""
    name, _, function = factory.partition(":")
    if root:
        # The folder is part of the configuration: Python may not write its __pycache__ there.
        sys.dont_write_bytecode = True
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        invalidate_caches()
    module = import_module(name)
    if root and not Path(module.__file__ or "").resolve().is_relative_to(root):
        raise InputError(
            f"{name} is a module of another package too, allowed is a name that none but {root} has"
        )
    return attrgetter(function)(module)


@contextmanager
def exit_in_user_code(what: str, root: Path | None) -> Iterator[None]:
    """Turn every exception of the user's own code into one sentence with its line.

    Parameters
    ----------
    what : the code, for the sentence
    root : the folder of the user's code, where it is known

    Raises
    ------
    InputError
        Where the block raises, or exits.
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{what} ends in {reason[:300]}{_find_line(error, root)}") from None


def _find_line(error: BaseException, root: Path | None) -> str:
    """Return the line of the user's own code that raised, in brackets; nothing where it is not known."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        is_own = path.is_relative_to(root) if root else not any(map(path.is_relative_to, NOT_THE_USERS))
        if is_own and path.is_file():  # Python's own importer has no file
            return f" ({path}, line {frame.lineno})"
    return ""


def _describe(value: object) -> str:
    return str(list(value.shape)) if isinstance(value, Tensor) else f"an object of {type(value).__name__}"
