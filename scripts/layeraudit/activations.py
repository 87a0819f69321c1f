"""Activations: what an input looks like inside the network, layer by layer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.errors import InputError
from layeraudit.networks import check_layers


def capture(
    network: nn.Module, x: Tensor, layers: Sequence[str], *, batch_size: int
) -> Iterator[dict[str, Tensor]]:
    """Capture the outputs of the named layers, batch after batch, in the order of `x`.

    The network is left in evaluation mode.

    Parameters
    ----------
    x : float32 [n, c, h, w]
    layers : names as `network.named_modules()` gives them

    Yields
    ------
    For each batch of b rows a float32 [b, d] for each layer, flattened.

    Raises
    ------
    InputError
        Where the network has no such layer.
    """
    network.eval()
    with captured(network, layers) as outputs:
        for batch in tqdm(x.split(batch_size), desc="batches", disable=None):
            with torch.no_grad():
                found = outputs(batch)
            yield found


@contextmanager
def captured(network: nn.Module, layers: Sequence[str]) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
    """Yield a function that runs the network and returns what the named layers make, with gradients.

    It takes float32 [n, c, h, w] and gives a float32 [n, d] for each layer, flattened.

    Raises
    ------
    InputError
        Where the network has no such layer; from the function, where a run does not reach it.
    """
    check_layers(network, layers)
    found: dict[str, Tensor] = {}

    def keep(layer: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            # An in-place layer after it would change it.
            found[layer] = output.flatten(start_dim=1).clone()

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
