"""A dry run of a network: what its layers are, which of them carry all that it knows, and which to look into.

The swap test: a layer carries everything where the logits depend on the input through it alone. Then two rows
exchange their logits when they exchange what the layer makes of them; where a skip connection or a branch
passes the layer by, they do not. It is enough to look at the next layer that carries everything, and to run
the block that does so round both.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.activations import (
    Pooling,
    call_repeated,
    call_rowless,
    call_unused,
    captured,
    pool,
    take_rows,
    transformers_call_their_layers,
)
from layeraudit.errors import InputError
from layeraudit.networks import OUTPUT, check_layers
from layeraudit.splits import Split

FEWEST, MOST = 4, 6
"""Layers that are chosen, where the network has them."""

NAME = re.compile(r"[A-Za-z0-9_.]{1,100}")
"""Names that the configuration allows: those of files."""

DIFFERENT, EXCHANGED, ROUNDING = 1e-4, 1e-3, 1e-6
"""Outputs of two rows differ by more than the first share of the largest number; they are exchanged up to the
second share of their difference and the third of the largest."""

FLOAT32 = 4
"""Bytes of a number."""


@dataclass(frozen=True)
class Layer:
    """What a dry run finds of a layer.

    Attributes
    ----------
    name : as `named_modules` has it
    kind : name of its class
    calls : in one run
    shape : of its output for one row, or of the first of several; None where that is no tensor of rows
    floats : numbers that are kept of a row, after pooling; None likewise
    carries_all : whether the logits depend on the input through it alone; None where it is not called once,
        makes no rows of floating-point numbers, or where two rows are too much alike to tell
    """

    name: str
    kind: str
    calls: int
    shape: tuple[int, ...] | None
    floats: int | None
    carries_all: bool | None

    def count_gigabytes(self, rows: int) -> float | None:
        """Count the gigabytes, 10^9 bytes, that rows of the layer take as float32."""
        return None if self.floats is None else self.floats * FLOAT32 * rows / 1e9


def choose_two_rows(split: Split) -> Tensor:
    """Return two images of a split, float32 [2, c, h, w]: the first, and the next of another class.

    They are different; where all are of one class, the second is of that.

    Raises
    ------
    InputError
        Where all images are the same.
    """
    for rows in (split.y != split.y[0]).nonzero()[0], range(1, len(split)):
        for row in rows:
            if (split.x[row] != split.x[0]).any():
                return torch.from_numpy(split.x[[0, row]])
    raise InputError(f"all {len(split)} images of the split are the same, allowed are two different ones")


@torch.no_grad()
def list_layers(network: nn.Module, x: Tensor, *, pooling: Pooling) -> list[Layer]:
    """List the layers of a network by a dry run on two rows.

    The network is left in evaluation mode.

    Parameters
    ----------
    x : float32 [2, c, h, w], two different images
    pooling : what is kept of a layer

    Returns
    -------
    All modules but the network itself: in the order in which they end, from input to output, a module after
    those in it; last of all those that are not called
    """
    modules = {name: module for name, module in network.named_modules() if name}
    seen = _watch(network.eval(), modules, x, pooling)
    found: list[Layer] = []
    later, of_later = network, seen.logits
    around = [
        OUTPUT
    ]  # what has been found to carry everything, and may be run alone; the latest to begin last
    for name in tqdm([*reversed(dict.fromkeys([*seen.ended, *modules]))], desc="layers", disable=None):
        calls = seen.ended.count(name)
        shape, floats, is_floating = seen.outputs.get(name) or (None, None, False)
        carries_all = None
        if calls == 1 and is_floating and _are_different(of_later):
            while around[1:] and seen.begun.index(around[-1]) > seen.begun.index(name):
                around.pop()
            start = network.get_submodule(around[-1])
            carries_all, own = _compare_by_swap(
                modules[name], start, seen.inputs[around[-1]], later, of_later
            )
            if carries_all:
                later, of_later = modules[name], own
                around += [name] if name in seen.inputs else []
        found.append(Layer(name, type(modules[name]).__name__, calls, shape, floats, carries_all))
    return found[::-1]


@dataclass
class _Watched:
    """What a run of a network shows of its modules.

    Attributes
    ----------
    logits : [2, classes]
    begun, ended : their names, once for each call, in the order in which calls begin and end
    inputs : of the network, and of modules with parts whose only input is a tensor
    outputs : of the first call the shape of a row, the numbers kept of it, and whether they are
        floating-point; None where there is no tensor of rows
    """

    logits: Tensor
    begun: list[str]
    ended: list[str]
    inputs: dict[str, Tensor]
    outputs: dict[str, tuple[tuple[int, ...], int, bool] | None]


def _watch(network: nn.Module, modules: Mapping[str, nn.Module], x: Tensor, pooling: Pooling) -> _Watched:
    """Run a network on two rows, [2, c, h, w], and watch its modules."""
    seen = _Watched(x, [], [], {OUTPUT: x}, {})

    def begin(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            seen.begun.append(name)
            has_parts = any(True for _ in module.children())
            if has_parts and len(inputs) == 1 and not keywords and isinstance(inputs[0], Tensor):
                seen.inputs[name] = inputs[0].clone()

        return hook

    def end(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            seen.ended.append(name)
            rows = take_rows(output, len(x))
            if rows is None:
                seen.outputs.setdefault(name, None)
            else:
                floats = pool(rows.float(), pooling).shape[1]
                seen.outputs.setdefault(name, (tuple(rows.shape[1:]), floats, rows.is_floating_point()))

        return hook

    hooks = [
        module.register_forward_pre_hook(begin(name), with_kwargs=True) for name, module in modules.items()
    ]
    hooks += [module.register_forward_hook(end(name)) for name, module in modules.items()]
    try:
        with transformers_call_their_layers():
            seen.logits = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _are_different(outputs: Tensor) -> bool:
    """Return whether two rows are different, [2, d], by more than rounding."""
    return bool((outputs[0] - outputs[1]).abs().max() > DIFFERENT * outputs.abs().max())


class _Reached(Exception):  # noqa: N818  # no error: nothing after it is needed
    pass


def _compare_by_swap(
    layer: nn.Module, start: nn.Module, x: Tensor, later: nn.Module, of_later: Tensor
) -> tuple[bool, Tensor]:
    """Test whether a layer carries everything, by another that does so and ends later.

    Parameters
    ----------
    start, x : a module in which both are called, and its input for two rows
    later : the other, whose outputs, where they are exchanged, exchange the logits
    of_later : [2, d], its outputs

    Returns
    -------
    Whether the other's outputs are exchanged where the layer's are, and the layer's own, float32 [2, d].
    """
    own: list[Tensor] = []
    reached: list[Tensor] = []

    def swap(_module: nn.Module, _inputs: object, output: Any) -> object:
        rows = take_rows(output, 2)
        if rows is None:
            return output
        own.append(pool(rows.float(), "none").clone())
        if rows is output:
            return rows.flip(0)
        outputs = [rows.flip(0), *output[1:]]
        return output._make(outputs) if hasattr(output, "_make") else type(output)(outputs)

    def stop(_module: nn.Module, _inputs: object, output: object) -> None:
        rows = take_rows(output, 2)
        reached.extend([] if rows is None else [pool(rows.float(), "none")])
        raise _Reached

    hooks = [layer.register_forward_hook(swap), later.register_forward_hook(stop)]
    try:
        with transformers_call_their_layers(), suppress(_Reached):
            start(x.clone())
    finally:
        for hook in hooks:
            hook.remove()
    if not own or not reached or reached[0].shape != of_later.shape:  # it runs otherwise with other numbers
        return False, of_later
    rounding = EXCHANGED * (of_later[0] - of_later[1]).abs().max() + ROUNDING * of_later.abs().max()
    return bool((reached[0] - of_later.flip(0)).abs().max() <= rounding), own[0]


def check_named(network: nn.Module, layers: Sequence[Layer], names: Sequence[str]) -> None:
    """Check that the named layers can be captured.

    Raises
    ------
    InputError
        Where the network has no such layer, calls it never or more than once, or where it makes no rows.
    """
    check_layers(network, names)
    for layer in layers:
        if layer.name in names:
            if layer.calls == 0:
                raise call_unused(layer.name)
            if layer.calls > 1:
                raise call_repeated(layer.name)
            if layer.shape is None:
                raise call_rowless(layer.name)


@torch.no_grad()
def choose_layers(
    network: nn.Module, layers: Sequence[Layer], x: Tensor, *, pooling: Pooling
) -> dict[str, str]:
    """Choose four to six layers that the input passes through, spread over the network.

    Candidates carry everything, and are no earlier than the first layer that has weights. Where several have
    the same output, only the last to end is one: a block, not its last part. Parts of a candidate are
    candidates only where there are fewer than six stages without them.

    Candidates of one shape in a row are a stage, of which the last is taken, once where pooling makes two
    stages the same. Of more than six stages the last two are taken, the logits and what they are made of, and
    four of the others, evenly spaced; stages without weights of their own, such as pooling, are no others.
    To fewer than four other candidates are added, evenly spaced.

    Parameters
    ----------
    layers, x, pooling : what `list_layers` returned, and what it took

    Returns
    -------
    Their names, from input to output, each with the reason in words.

    Raises
    ------
    InputError
        Where the network makes the same logits of both images, or there is no candidate.
    """
    with captured(network, [OUTPUT]) as outputs:
        logits = outputs(x)[OUTPUT]
    if not _are_different(logits):
        raise InputError(
            "the network makes the same logits of two different images, allowed are logits that depend on "
            "the image: look at normalisation, channels and weights"
        )
    own = (any(True for _ in network.get_submodule(layer.name).parameters(recurse=False)) for layer in layers)
    weighed = dict(zip((layer.name for layer in layers), accumulate(own), strict=True))
    shapes = {
        layer.name: layer.shape
        for layer in layers
        if layer.carries_all
        and layer.floats
        and NAME.fullmatch(layer.name)
        and (weighed[layer.name] or not any(weighed.values()))
    }
    if not shapes:
        raise InputError(
            "no layer of the network carries all that the logits depend on, allowed are names of layers"
        )
    with captured(network, [*shapes, OUTPUT]) as outputs:
        captures = outputs(x)
    values = {name: captures[name].reshape(2, *(shape or ())) for name, shape in shapes.items()}
    kept = {name: pool(of, pooling) for name, of in values.items()}
    depths = {name: sum(name.startswith(f"{other}.") for other in shapes) for name in shapes}
    for depth in range(max(depths.values()) + 1):
        seen = [name for name in shapes if depths[name] <= depth]
        distinct = _drop_alike(seen[::-1], values)[::-1]
        *ends, last = (list(stage)[-1] for _, stage in groupby(distinct, key=shapes.__getitem__))
        found = _drop_alike([last, *ends, *distinct], kept)
        stages = [name for name in distinct if name in found and name in (*ends, last)]
        if len(stages) >= MOST:
            break
    if len(stages) > MOST:
        *ahead, before_last, _ = stages
        stages = [
            *(next(same) for _, same in groupby(ahead, key=weighed.__getitem__)),
            before_last,
            last,
        ]
        if weighed[stages[-3]] == weighed[before_last]:
            del stages[-3]
    reasons = {name: f"the last of shape {write_shape(shapes[name])}" for name in stages}
    if len(stages) > MOST:
        *ahead, before_last, _ = stages
        steps = MOST - 3
        spaced = [ahead[(2 * step * (len(ahead) - 1) + steps) // (2 * steps)] for step in range(steps + 1)]
        chosen = [*spaced, before_last, last]
        reasons = {name: f"{reasons[name]}, one of {MOST} of {len(stages)} such" for name in chosen}
    others = [name for name in distinct if name in found and name not in stages]
    lacking = min(max(0, FEWEST - len(stages)), len(others))
    for number in range(lacking):
        name = others[(2 * number + 1) * len(others) // (2 * lacking)]
        reasons[name] = f"added, since there are but {len(stages)} shapes"
    return {
        name: f"the logits, {reasons[name]}" if _are_same(kept[name], captures[OUTPUT]) else reasons[name]
        for name in distinct
        if name in reasons
    }


def _drop_alike(names: Sequence[str], values: Mapping[str, Tensor]) -> list[str]:
    """Return names without those whose values are those of an earlier one."""
    kept: list[str] = []
    for name in names:
        if not any(_are_same(values[name], values[other]) for other in kept):
            kept.append(name)
    return kept


def _are_same(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are the same but for rounding: means over space are taken in many ways."""
    return one.shape == other.shape and bool((one - other).abs().max() <= 10 * ROUNDING * other.abs().max())


def write_shape(shape: Sequence[int] | None) -> str:
    """Write a shape as 32x14x14; a row of one number has none, and is 1."""
    return "" if shape is None else "x".join(map(str, shape)) or "1"
