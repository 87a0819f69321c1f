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
    output : [n] or [n, d]; [n, channels, ...], as convolutions have it; or [n, tokens, d]
    pooling : `mean` is over space where there are four dimensions or more, over tokens where there are three
    """
    if output.ndim == 1:
        return output[:, None]
    if pooling == "mean" and output.ndim > 2:
        return output.mean(dim=1) if output.ndim == 3 else output.flatten(start_dim=2).mean(dim=2)
    return output.flatten(start_dim=1)


def take_rows(output: object, n: int) -> Tensor | None:
    """Return a layer's output, or the first of several, where that is a tensor of n rows; None where not."""
    first = output[0] if isinstance(output, tuple | list) and output else output
    return first if isinstance(first, Tensor) and first.ndim > 0 and len(first) == n else None


@contextmanager
def transformers_call_their_layers() -> Iterator[None]:
    """Have transformers call all of their layers, hooks included.

    In evaluation, without gradients, PyTorch's compute them in one operation instead.
    """
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)


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
        As `captured` and its function do.
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

    It takes float32 [n, c, h, w] and gives a float32 [n, d] for each layer, pooled and flattened. Of a layer
    with several outputs it takes the first.

    Raises
    ------
    InputError
        Where the network has no such layer; from the function, where a run does not reach it, or reaches it
        more than once, or where its output is no tensor with a row for each input.
    """
    check_layers(network, layers)
    found: dict[str, Tensor] = {}
    n = 0

    def keep(layer: str) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if layer in found:
                raise call_repeated(layer)
            rows = take_rows(output, n)
            if rows is None:
                raise call_rowless(layer)
            # An in-place layer after it would change it.
            found[layer] = pool(rows.float(), pooling).clone()

        return hook

    def run(x: Tensor) -> dict[str, Tensor]:
        nonlocal n
        found.clear()
        n = len(x)
        with transformers_call_their_layers():
            network(x)
        for layer in layers:
            if layer not in found:
                raise call_unused(layer)
        return {layer: found[layer] for layer in layers}

    hooks = [network.get_submodule(layer).register_forward_hook(keep(layer)) for layer in layers]
    try:
        yield run
    finally:
        for hook in hooks:
            hook.remove()


def call_unused(layer: str) -> InputError:
    """Return the error of a layer that no run reaches."""
    return InputError(f"the network has a layer {layer!r} and makes no use of it")


def call_repeated(layer: str) -> InputError:
    """Return the error of a layer that a run reaches more than once."""
    return InputError(
        f"the network calls {layer!r} more than once for an input, allowed are layers that it calls once"
    )


def call_rowless(layer: str) -> InputError:
    """Return the error of a layer whose output cannot be told apart by rows."""
    return InputError(
        f"the layer {layer!r} makes no tensor with a row for each input, allowed are layers whose output, or "
        "the first of several, is one"
    )


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
        raise call_unused(layer)

    hook = network.get_submodule(layer).register_forward_hook(stop)
    try:
        yield run
    finally:
        hook.remove()
