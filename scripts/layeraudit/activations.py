"""Activations: what an input looks like inside the network, layer by layer."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.networks import check_layers


def capture(
    network: nn.Module, x: Tensor, layers: Sequence[str], *, batch_size: int
) -> Iterator[dict[str, Tensor]]:
    """Capture the outputs of the named layers, batch after batch, in the order of `x`.

    The network is left in evaluation mode. A layer's output is copied as the layer makes it, before an
    in-place layer after it can change it.

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
    check_layers(network, layers)
    captured: dict[str, Tensor] = {}

    def keep(layer: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            captured[layer] = output.flatten(start_dim=1).clone()

        return network.get_submodule(layer).register_forward_hook(hook)

    hooks = [keep(layer) for layer in layers]
    network.eval()
    try:
        for batch in tqdm(x.split(batch_size), desc="batches", disable=None):
            with torch.no_grad():
                network(batch)
            yield dict(captured)
    finally:
        for hook in hooks:
            hook.remove()  # type: ignore[attr-defined]
