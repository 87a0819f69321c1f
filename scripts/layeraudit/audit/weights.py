"""Weights that are given: found in their file without running code, and fitted to a network's names."""

import re
from collections.abc import Collection, Mapping
from functools import reduce
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from layeraudit.errors import InputError

CONTAINERS = ("state_dict", "model", "model_state_dict", "ema", "state_dict_ema")
"""Keys under which checkpoints hold their weights; the first that there is."""

PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, `torch.compile` and Lightning write before the names of a network's weights."""

SHOWN = 3
"""Names in a sentence."""


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the weights of a file into a network; each takes the type that the network has.

    A weight that the network uses in two places may be in the file once.

    Raises
    ------
    InputError
        As `read_tensors` and `check_weights` do, and where names, shapes or types are not the network's.
    """
    own = network.state_dict()
    found = read_tensors(path)
    names = strip_prefixes(found, own)
    weights = {names[name]: tensor for name, tensor in found.items()}
    unlike = [
        f"{name} as {_describe(tensor)} in place of {_describe(own[name])}"
        for name, tensor in weights.items()
        if isinstance(own.get(name), Tensor) and _describe(tensor) != _describe(own[name])
    ]
    if unlike:
        raise InputError(f"{path} has {_list(unlike)}; allowed are the shapes and types of the network")
    try:
        missing, unexpected = network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} does not hold the weights of a {type(network).__name__}: {reason}"
        ) from None
    missing = [name for name in missing if not _is_tied(own, name, weights)]
    faults = [f"lacks {_list(missing)}"] * bool(missing) + [f"has {_list(unexpected)}"] * bool(unexpected)
    if faults:
        raise InputError(
            f"{path} {' and '.join(faults)}; allowed are all weights of the network and no other"
        )
    check_weights(network, str(path))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the weights of a `state_dict`, also one in a checkpoint, or of a `.safetensors`, on the processor.

    Raises
    ------
    InputError
        Where the file cannot be read without running code, or holds no mapping of names to tensors.
    """
    allowed = (
        "allowed are a state_dict, as torch.save(network.state_dict(), path) writes it, and .safetensors"
    )
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # of many types; what torch says advises to run the file's code
        if named := re.search(r"(?:GLOBAL|Unsupported (?:class|operand)) (\S+)", str(error)):
            raise InputError(
                f"{path} holds Python objects such as {named[1]}, and reading these runs code; {allowed}"
            ) from None
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path} cannot be read: {reason}; {allowed}") from None
    for _ in range(len(CONTAINERS)):
        inner = [name for name in CONTAINERS if isinstance(found, Mapping) and name in found]
        inner = [name for name in inner if isinstance(found[name], Mapping)]
        if not inner:
            break
        print(f"the weights are those under {inner[0]!r}" + "".join(f", not {name!r}" for name in inner[1:]))
        found = found[inner[0]]
    if not isinstance(found, Mapping):
        raise InputError(f"{path} holds an object of {type(found).__name__}; {allowed}")
    for name, value in found.items():
        if not isinstance(value, Tensor):
            raise InputError(f"{path} has {name!r}, an object of {type(value).__name__}; {allowed}")
    return {str(name): tensor for name, tensor in found.items()}


def strip_prefixes(names: Collection[str], expected: Collection[str]) -> dict[str, str]:
    """Return for each name of a weight the one without those `PREFIXES` that hide the expected names.

    A prefix stays where the names without it are no more of the expected ones than the names with it.
    """

    def strip(prefixes: tuple[str, ...]) -> dict[str, str]:
        return {name: reduce(str.removeprefix, prefixes, name) for name in names}

    def count(stripped: Mapping[str, str]) -> int:
        left = set(stripped.values())
        return len(left & set(expected)) if len(left) == len(names) else -1

    chains = (chain for length in range(len(PREFIXES) + 1) for chain in permutations(PREFIXES, length))
    return max(map(strip, chains), key=count)  # of equals the first, which strips least


def check_weights(network: nn.Module, source: str) -> None:
    """Check that all weights of a network are finite tensors.

    Parameters
    ----------
    source : where they are from, for the sentence

    Raises
    ------
    InputError
        Where one is not.
    """
    for name, value in network.state_dict().items():
        if not isinstance(value, Tensor):
            raise InputError(f"{source}: {name} is an object of {type(value).__name__}, allowed are tensors")
        if not torch.isfinite(value).all():
            raise InputError(f"{source}: {name} holds NaN or infinity, allowed are finite numbers")


def _describe(tensor: Tensor) -> str:
    """Return shape and kind of a tensor; floating-point numbers of any precision are one kind."""
    kind = "floating" if tensor.is_floating_point() else str(tensor.dtype).removeprefix("torch.")
    return f"{kind} {list(tensor.shape)}"


def _is_tied(own: Mapping[str, Tensor], name: str, loaded: Collection[str]) -> bool:
    """Return whether a weight of the network is one that was loaded under another name."""
    place = (own[name].data_ptr(), own[name].shape)
    return any(place == (own[other].data_ptr(), own[other].shape) for other in loaded if other in own)


def _list(names: Collection[str]) -> str:
    first = [*names][:SHOWN]
    return ", ".join(first) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
