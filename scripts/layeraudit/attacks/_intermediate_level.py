"""The intermediate level attack (ILA) of Huang et al. 2019 (arXiv:1907.10823), which fine-tunes a guide.

A guide is a finished attack on the same images. With f the output of a layer, flattened, the attack pushes
d = f(x'') − f(x), the change that it makes, along r = f(guide) − f(x), the change that the guide makes; it
knows no labels. A layer is named as `network.named_modules()` names it: the output of a convolution is what
comes before the activation, that of the ReLU after it what comes after.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.activations import stopped_at
from layeraudit.attacks._conditions import ROUNDING, check_images, check_number, frozen
from layeraudit.errors import InputError

SMALLEST_NORM = 1e-12
"""What a norm of 0 is taken for where something is divided by it."""

Objective = Callable[[Tensor, Tensor], Tensor]
"""Returns what is maximised, float [n], for changes d and r, float [n, d]."""


def projection(d: Tensor, r: Tensor) -> Tensor:
    """Return ILAP's objective, ⟨d, r⟩ / ‖r‖²: 1 is as far as the guide. Where r is 0 it is 0."""
    moved: Tensor = (d * r).sum(dim=1) / r.square().sum(dim=1).clamp_min(SMALLEST_NORM**2)
    return moved


def flexible(alpha: float) -> Objective:
    """Return ILAF's objective, cos(d, r) + α ‖d‖ / ‖r‖.

    At d = 0, where it has no gradient, an attack is led along r, which is where ILAP goes.

    Parameters
    ----------
    alpha : α, what distance counts beside direction, at least 0

    Raises
    ------
    InputError
        Where `alpha` is not within what is allowed.
    """
    if not 0 <= alpha < math.inf:
        raise InputError(f"alpha is {alpha}, allowed are numbers from 0")

    def objective(d: Tensor, r: Tensor) -> Tensor:
        return cosine(d, r) + alpha * ratio(d, r)

    return objective


def cosine(d: Tensor, r: Tensor) -> Tensor:
    """Return cos(d, r), float [n]; 0 where one of them is 0."""
    similarity: Tensor = (d * r).sum(dim=1) / (_norm(d) * _norm(r))
    return similarity


def ratio(d: Tensor, r: Tensor) -> Tensor:
    """Return ‖d‖ / ‖r‖, float [n]; huge where r is 0."""
    lengths: Tensor = d.norm(dim=1) / _norm(r)
    return lengths


def _norm(rows: Tensor) -> Tensor:
    norms: Tensor = rows.norm(dim=1).clamp_min(SMALLEST_NORM)
    return norms


@dataclass(frozen=True)
class Pushed:
    """What ILA makes of n images in s steps, and what happened on the way.

    Attributes
    ----------
    x : float32 [n, c, h, w] in [0, 1]
    objective, cosine, ratio : float32 [s + 1, n], before the first step, after it, and so on to the last;
        `cosine` of d and r, `ratio` of their norms. NaN for an image that has no reference.
    no_reference : bool [n], where the guide changes nothing in this layer (r = 0): such an image stays as
        the attack begins, and is to be left out or counted apart
    zero_gradients : int64 [n], the steps in which an image had no gradient, and stayed as it was
    """

    x: Tensor
    objective: Tensor
    cosine: Tensor
    ratio: Tensor
    no_reference: Tensor
    zero_gradients: Tensor


def ila(
    network: nn.Module,
    x: Tensor,
    guide: Tensor,
    objective: Objective,
    *,
    layer: str,
    from_guide: bool,
    epsilon: float,
    step: float,
    steps: int,
    batch_size: int,
) -> Pushed:
    """Push images along the way of their guides, as it shows in a layer.

    In each step x'' ← x'' + step · sign(∇ objective), then x'' is projected to the L∞ ball of radius
    `epsilon` round x, then to the box. No momentum, no random start. What becomes of an image does not
    depend on the others but for float32 rounding. For each image the network is run up to the layer
    s + 3 times forward (x, guide, each step's start, the end) and s times backward.

    Parameters
    ----------
    network : comes back as it was, and works in evaluation mode
    x : float32 [n, c, h, w] in [0, 1], the clean images
    guide : float32 [n, c, h, w] in [0, 1]
    objective : `projection`, or what `flexible` gives
    layer : a name from `network.named_modules()`
    from_guide : begin at the guide, as the paper's text has it, rather than at x, as its code has
    epsilon : the largest change of a pixel, above 0, up to 1
    step : the change of a pixel in one step, above 0, up to 1
    steps : s, at least 1

    Raises
    ------
    InputError
        Where an option or an image is not within what is allowed, where the guide is outside the ball, or
        where the network has no such layer, makes no use of it, or gets NaN or infinity from it.
    """
    check_number("epsilon", epsilon, above=0, up_to=1)
    check_number("step", step, above=0, up_to=1)
    check_number("steps", steps, above=0)
    check_number("batch_size", batch_size, above=0)
    check_images("x", x)
    check_images("guide", guide)
    if guide.shape != x.shape:
        raise InputError(f"guide is {list(guide.shape)}, allowed is {list(x.shape)}, as x is")
    if (farthest := float((guide - x).abs().max())) > epsilon + ROUNDING:
        raise InputError(f"guide is {farthest:g} away from x in L-infinity, allowed is up to {epsilon:g}")

    def push(x: Tensor, guide: Tensor) -> Pushed:
        with torch.no_grad():
            clean = output(x)
            r = output(guide) - clean
        if not r.isfinite().all():
            raise InputError(f"layer {layer!r} gives NaN or infinity, allowed are finite numbers")
        no_reference = (r == 0).all(dim=1)
        zero_gradients = torch.zeros_like(no_reference, dtype=torch.int64)
        trace: list[Tensor] = []
        pushed = guide if from_guide else x
        for _ in range(steps):
            pushed = pushed.detach().requires_grad_()
            d = output(pushed) - clean
            reached = objective(d, r)
            # A sum, since a mean would make an image's gradient smaller the more others there are.
            (gradient,) = torch.autograd.grad(reached.sum(), pushed)
            trace.append(torch.stack([reached, cosine(d, r), ratio(d, r)]).detach())
            zero_gradients += (gradient == 0).flatten(start_dim=1).all(dim=1)
            moved = pushed.detach() + step * gradient.sign()
            pushed = (x + (moved - x).clamp(-epsilon, epsilon)).clamp(0, 1)
        with torch.no_grad():
            d = output(pushed) - clean
            trace.append(torch.stack([objective(d, r), cosine(d, r), ratio(d, r)]))
        reached, cosines, ratios = torch.stack(trace, dim=1).masked_fill(no_reference, math.nan)
        return Pushed(pushed, reached, cosines, ratios, no_reference, zero_gradients)

    batches = zip(x.split(batch_size), guide.split(batch_size), strict=True)
    progress = tqdm(batches, total=math.ceil(len(x) / batch_size), desc="batches", disable=None)
    with frozen(network), stopped_at(network, layer) as output:
        parts = [push(*batch) for batch in progress]
    return Pushed(
        x=torch.cat([part.x for part in parts]),
        objective=torch.cat([part.objective for part in parts], dim=1),
        cosine=torch.cat([part.cosine for part in parts], dim=1),
        ratio=torch.cat([part.ratio for part in parts], dim=1),
        no_reference=torch.cat([part.no_reference for part in parts]),
        zero_gradients=torch.cat([part.zero_gradients for part in parts]),
    )
