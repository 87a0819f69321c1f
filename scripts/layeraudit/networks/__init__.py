"""Networks: what is trained or given, and captured layer by layer.

There is a network a module, found by its name in the configuration. The first line of its docstring says what
it is. A module has

    TITLE : its name, as tables, figures and pages print it
    REFERENCE : authors, year and link of its paper; "" where it has none
    ENVIRONMENT : the file of `envs/`, without its ending, that has what it imports
    OPTIONS : its options, a JSON Schema for each name; all are required
    LAYERS : names of its layers from input to output, as they are after activation; the last one makes the
        logits, and is the one that is trained where a network was trained on other images before; none where
        the options decide what the network is: then the configuration names them
    build(shape, n_classes, **options) : takes channels, height and width of the images and the number of
        classes, and returns an `nn.Module` that takes float32 [n, c, h, w] in [0, 1] and returns logits,
        float32 [n, classes]

All but the function are literals, since the configuration is checked where torch is not installed.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from layeraudit.errors import InputError
from layeraudit.files import atomic_write
from layeraudit.plugins import load, read_constants
from layeraudit.splits import Split

Shape = tuple[int, int, int]
"""Channels, height and width of an image."""

OUTPUT = ""
"""The name of the network itself among its modules, whose output are the logits."""


def list_layers(network: Mapping[str, Any]) -> list[str]:
    """Return the layers that a network says it has, from input to output.

    Parameters
    ----------
    network : `method` and its options, as the configuration has them
    """
    return list(read_constants("networks", network["method"])["LAYERS"])


def build_network(network: Mapping[str, Any], images: Split) -> nn.Module:
    """Return a network for images, with weights drawn by torch's generator.

    Parameters
    ----------
    network : `method`, its options, and `normalisation`: None, or `mean` and `std`, a number each or one a
        channel, by which pixels are shifted and scaled before the first layer sees them
    images : what it is to take; their pixels do not count

    Raises
    ------
    InputError
        Where it takes no images of this size, makes no logits of them, or lacks one of its layers.
    """
    method, shape = network["method"], tuple(images.x.shape[1:])
    options = {key: value for key, value in network.items() if key not in ("method", "normalisation")}
    plugin = load("networks", method)
    try:
        built: nn.Module = plugin.build(shape, images.n_classes, **options)
        with torch.no_grad():
            logits = built.eval()(torch.zeros(1, *shape))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{method} takes no images of {list(shape)}: {reason}") from None
    if logits.shape != (1, images.n_classes):
        raise InputError(
            f"{method} makes {list(logits.shape)} of an image, allowed are logits, [1, {images.n_classes}]"
        )
    check_layers(built, plugin.LAYERS)
    built.train()
    if network.get("normalisation"):
        _normalise(built, network["normalisation"], shape)
    return built


def _normalise(network: nn.Module, normalisation: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Have a network shift and scale its inputs; neither its layers nor its weights change their names."""
    values = {name: torch.tensor(normalisation[name], dtype=torch.float32) for name in ("mean", "std")}
    for name, value in values.items():
        if value.numel() not in (1, shape[0]):
            raise InputError(
                f"normalisation.{name} has {value.numel()} numbers, allowed is one, or one for each of "
                f"{shape[0]} channels"
            )
    mean, std = (value.reshape(-1, 1, 1) for value in values.values())
    network.register_forward_pre_hook(lambda _module, inputs: ((inputs[0] - mean) / std,))


def count_outputs(layers: Mapping[str, nn.Module], shape: Sequence[int]) -> int:
    """Count the values that layers, one after the other, make of one image.

    Raises
    ------
    RuntimeError
        Where it is too small for them.
    """
    with torch.no_grad():
        outputs: Tensor = nn.Sequential(*layers.values()).eval()(torch.zeros(1, *shape))
    return outputs.numel()


def read_network(
    network: Mapping[str, Any], weights: Path, images: Split, *, channels_last: bool = True
) -> nn.Module:
    """Return a network for images with its weights.

    Parameters
    ----------
    network, images : as `build_network` takes them
    channels_last : whether the weights are laid out as processors are fastest with them; the last bits of
        what the network computes depend on it

    Raises
    ------
    InputError
        As `build_network` and `read_weights` do.
    """
    built = build_network(network, images)
    read_weights(built, weights)
    if channels_last:
        built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return built


def read_weights(network: nn.Module, path: Path) -> None:
    """Read a `state_dict` into the network.

    Raises
    ------
    InputError
        Where the file is missing or holds anything but tensors, where the weights are those of another
        network, or where they are not finite.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # torch.load raises what its parsers raise, of many types
        reason = f"a {type(network).__name__}: {' '.join(str(error).split())[:200]}"
        raise InputError(f"{path} does not hold the weights of {reason}") from None
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds NaN or infinity, allowed are finite numbers")


def write_weights(network: nn.Module, path: Path) -> None:
    """Write the `state_dict` of a network, as `read_weights` reads it."""
    weights = io.BytesIO()  # torch itself does not say why it cannot write a file
    torch.save(network.state_dict(), weights)
    with atomic_write(path) as temporary:
        temporary.write_bytes(weights.getvalue())


def check_layers(network: nn.Module, layers: Iterable[str]) -> None:
    """Check that the network has the named layers.

    Raises
    ------
    InputError
        Where it has not, with the names that it has.
    """
    names = [name for name, _ in network.named_modules()]
    for layer in layers:
        if layer not in names:
            allowed = ", ".join(name for name in names if name)
            raise InputError(f"the network has no layer {layer!r}, allowed are {allowed}")


def predict(network: nn.Module, x: Tensor, *, batch_size: int) -> Tensor:
    """Return the label of each image, int64 [n]; the network is left in evaluation mode."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(images).argmax(dim=1) for images in x.split(batch_size)])


def predict_array(network: nn.Module, x: NDArray[np.float32], *, batch_size: int) -> NDArray[np.int64]:
    """Return the label of each image, int64 [n], as `predict` does."""
    labels: NDArray[np.int64] = predict(network, torch.from_numpy(x), batch_size=batch_size).numpy()
    return labels
