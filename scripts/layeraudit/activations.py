"""Activations: what an input looks like inside the network, layer by layer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.errors import InputError
from layeraudit.networks import check_layers

Pooling = Literal["none", "mean"]
"""What is kept of a layer: all of it, or of each channel or feature its mean over space or tokens."""


def pool(output: Tensor, pooling: Pooling) -> Tensor:
    """Return what is kept of a layer's output, [n, d].

    Parameters
    ----------
    output : [n, d]; [n, channels, ...], as convolutions have it; or [n, tokens, d]
    pooling : `mean` is over space where there are four dimensions or more, over tokens where there are three
    """
    if pooling == "mean" and output.ndim > 2:
        return output.mean(dim=1) if output.ndim == 3 else output.flatten(start_dim=2).mean(dim=2)
    return output.flatten(start_dim=1)


def capture(
    network: nn.Module, x: Tensor, layers: Sequence[str], *, pooling: Pooling = "none", batch_size: int
) -> Iterator[dict[str, Tensor]]:
    """Capture the outputs of the named layers, batch after batch, in the order of `x`.

    The network is left in evaluation mode.

    Parameters
    ----------
    x : float32 [n, c, h, w]
    layers : names as `network.named_modules()` gives them
    pooling : what is kept of a layer, see `pool`

    Yields
    ------
    For each batch of b rows a float32 [b, d] for each layer, pooled and flattened.

    Raises
    ------
    InputError
        Where the network has no such layer.
    """
    network.eval()
    with captured(network, layers, pooling=pooling) as outputs:
        for batch in tqdm(x.split(batch_size), desc="batches", disable=None):
            with torch.no_grad():
                found = outputs(batch)
            yield found


@contextmanager
def captured(
    network: nn.Module, layers: Sequence[str], *, pooling: Pooling = "none"
) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
    """Yield a function that runs the network and returns what the named layers make, with gradients.

    It takes float32 [n, c, h, w] and gives a float32 [n, d] for each layer, pooled and flattened.

    Raises
    ------
    InputError
        Where the network has no such layer; from the function, where a run does not reach it.
    """
    check_layers(network, layers)
    found: dict[str, Tensor] = {}

    def keep(layer: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            if layer in found:
                raise InputError(
                    f"the network calls {layer!r} more than once for an input, allowed are layers that it "
                    "calls once"
                )
            # An in-place layer after it would change it.
            found[layer] = pool(output, pooling).clone()

        return hook

    def run(x: Tensor) -> dict[str, Tensor]:
        found.clear()
        network(x)
        for layer in layers:
            if layer not in found:
                raise _call_unused(layer)
        return {layer: found[layer] for layer in layers}

    hooks = [network.get_submodule(layer).register_forward_hook(keep(layer)) for layer in layers]
    try:
        yield run
    finally:
        for hook in hooks:
            hook.remove()


def _call_unused(layer: str) -> InputError:
    return InputError(f"the network has a layer {layer!r} and makes no use of it")


class _Reached(Exception):  # noqa: N818  # no error: it carries a layer out of the network
    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


@contextmanager
def stopped_at(network: nn.Module, layer: str) -> Iterator[Callable[[Tensor], Tensor]]:
    """Yield a function that runs the network up to a layer, no farther, and returns what the layer makes.

    It takes float32 [n, c, h, w], gives float32 [n, d], flattened, and lets gradients through.

    Raises
    ------
    InputError
        Where the network has no such layer; from the function, where no run reaches it.
    """
    check_layers(network, [layer])

    def stop(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        raise _Reached(output)

    def run(x: Tensor) -> Tensor:
        try:
            network(x)
        except _Reached as reached:
            return reached.output.flatten(start_dim=1)
        raise _call_unused(layer)

    hook = network.get_submodule(layer).register_forward_hook(stop)
    try:
        yield run
    finally:
        hook.remove()
