"""Attacks that are made on one network to fool others: what is made, in what order, at what cost.

Everything is compared at the same number N of backward passes through the source: I-FGSM and MI-FGSM take N
steps; ILA takes those that its guide leaves, N - 1 after FGSM and N / 2 after I-FGSM of N / 2 steps. FGSM takes
one, and the noise none; they are no rivals but controls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from layeraudit.attacks.intermediate_level import Pushed, flexible, ila, projection
from layeraudit.attacks.standard import bim, fgsm, mi_fgsm

OBJECTIVES = {"ilap": projection, "ilaf": flexible(5.0)}
"""With the α of the paper's experiments."""


@dataclass(frozen=True)
class Recipe:
    """How an attack is made.

    Attributes
    ----------
    attack : `none`, `noise`, `fgsm`, `i_fgsm`, `mi_fgsm`, `ilap` or `ilaf`
    guide : what ILA fine-tunes, `fgsm` or `i_fgsm`; empty for others
    layer : where it pushes, as the source names it; empty for others
    forward, backward : passes of an image through the source, those of the guide included, whole or up to the
        layer
    """

    attack: str
    guide: str = ""
    layer: str = ""
    forward: int = 0
    backward: int = 0


def craft(
    source: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    passes: int,
    layers: Sequence[str],
    objectives: Sequence[str],
    seed: int,
    batch_size: int,
) -> Iterator[tuple[Recipe, Tensor, Pushed | None]]:
    """Make every attack on a source.

    A step of I-FGSM and MI-FGSM is 2 ε / their number, so that a pixel can cross the ball; one of ILA is ε / 5,
    as the paper has it. ILA starts at the clean image.

    Parameters
    ----------
    source : the network that is attacked
    x, y : images that it gets right, as `attacks.standard` takes them
    epsilon : the radius of all balls, in L∞
    passes : N, even
    layers, objectives : at which layers, and with which of `OBJECTIVES`, ILA pushes
    seed : of the noise

    Yields
    ------
    How it is made, float32 [n, c, h, w], and of ILA what happened on the way. The first is no attack at all.
    """
    ball = {"epsilon": epsilon, "batch_size": batch_size}

    def iterate(steps: int) -> Tensor:
        return bim(source, x, y, step=2 * epsilon / steps, steps=steps, **ball)

    yield Recipe("none"), x, None
    signs = torch.randint(2, x.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    yield Recipe("noise"), (x + epsilon * signs).clamp(0, 1), None
    one_step, half = fgsm(source, x, y, **ball), iterate(passes // 2)
    yield Recipe("fgsm", forward=1, backward=1), one_step, None
    yield Recipe("i_fgsm", forward=passes, backward=passes), iterate(passes), None
    with_momentum = mi_fgsm(source, x, y, step=2 * epsilon / passes, steps=passes, momentum=1.0, **ball)
    yield Recipe("mi_fgsm", forward=passes, backward=passes), with_momentum, None
    for name, guide, spent in [("fgsm", one_step, 1), ("i_fgsm", half, passes // 2)]:
        steps = passes - spent
        for objective in objectives:
            for layer in layers:
                pushed = ila(
                    source,
                    x,
                    guide,
                    OBJECTIVES[objective],
                    layer=layer,
                    from_guide=False,
                    step=epsilon / 5,
                    steps=steps,
                    **ball,
                )
                recipe = Recipe(objective, name, layer, forward=spent + steps + 3, backward=passes)
                yield recipe, pushed.x, pushed


def binarise(x: Tensor) -> Tensor:
    """Make every pixel 0 or 1: what of an attack is left where most pixels were that before."""
    return (x >= 0.5).float()


def disturb(outputs: Tensor, clean: Tensor) -> Tensor:
    """Give the disturbance of a layer, ‖f(x'') − f(x)‖ / ‖f(x)‖, float32 [n], by which ILA's paper picks one."""
    return (outputs - clean).norm(dim=1) / clean.norm(dim=1).clamp_min(1e-12)
