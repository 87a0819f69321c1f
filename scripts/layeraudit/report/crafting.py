"""Attacks that are made on one network to fool others: what is made, in what order, at what cost.

Everything is compared at the same number N of backward passes through the source: I-FGSM and MI-FGSM take N
steps; ILA takes those that its guide leaves, N - 1 after FGSM and N / 2 after I-FGSM or MI-FGSM of N / 2
steps. FGSM takes one, and the noise none; they are no rivals but controls, and so is I-FGSM with ILA's step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from layeraudit.activations import captured
from layeraudit.attacks._conditions import frozen
from layeraudit.attacks._intermediate_level import Pushed, flexible, ila, projection
from layeraudit.attacks.bim import attack as bim
from layeraudit.attacks.fgsm import attack as fgsm
from layeraudit.attacks.mi_fgsm import attack as mi_fgsm
from layeraudit.report.radii import middle_radius

OBJECTIVES = {"ilap": projection, "ilaf": flexible(5.0)}
"""With the 5 that its paper takes for alpha."""

CRAFTED = (("fgsm", "ilap"), ("i_fgsm", "ilap"), ("mi_fgsm", "ilap"))
"""The guides that are fine-tuned, and to which objective."""

FLEXIBLE = ("i_fgsm", "ilaf")
"""Its paper's other objective, which is shown at one radius."""

MOMENTUM = 1.0
"""μ of MI-FGSM, as in Dong et al. 2018."""


@dataclass(frozen=True)
class Recipe:
    """How an attack is made.

    Attributes
    ----------
    epsilon : the radius of its ball in L∞
    attack : `none`, `noise`, `fgsm`, `i_fgsm`, `i_fgsm_ila_step`, `mi_fgsm`, `ilap` or `ilaf`
    guide : what ILA fine-tunes, `fgsm`, `i_fgsm` or `mi_fgsm`; empty for others
    layer : where it pushes, as the source names it; empty for others
    forward, backward : passes of an image through the source, those of the guide included, whole or up to the
        layer
    """

    epsilon: float
    attack: str
    guide: str = ""
    layer: str = ""
    forward: int = 0
    backward: int = 0


OF_ILA = ("no_reference", "zero_gradients", "objective", "cosine", "ratio")

RECORD = ("image", *Recipe.__dataclass_fields__, "linf", "l2", *OF_ILA)
"""What is recorded of an attacked image, see `describe_crafted`."""


def craft_all(
    source: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    layers: Sequence[str],
    epsilons: Sequence[float],
    passes: int,
    seed: int,
    batch_size: int,
) -> Iterator[tuple[Recipe, Tensor, Pushed | None]]:
    """Yield the images as they are, and each attack on them in each ball, `FLEXIBLE` in the middle one alone.

    Parameters
    ----------
    epsilons : the radii of the balls, in L∞
    source, x, y, layers, passes, seed : as in `craft` and `fine_tune`

    Yields
    ------
    How it is made, float32 [n, c, h, w], and what ILA says of it where it was made by ILA.
    """
    yield Recipe(0.0, "none"), x, None
    for epsilon in epsilons:
        ball: dict[str, Any] = {"epsilon": epsilon, "passes": passes, "batch_size": batch_size}
        for recipe, attacked in craft(source, x, y, seed=seed, **ball):
            yield recipe, attacked, None
        crafted = [*CRAFTED, *[FLEXIBLE] * (epsilon == middle_radius(epsilons))]
        for recipe, pushed in fine_tune(source, x, y, layers=layers, crafted=crafted, **ball):
            yield recipe, pushed.x, pushed


def describe_crafted(
    recipe: Recipe, x: Tensor, attacked: Tensor, pushed: Pushed | None
) -> Iterator[dict[str, object]]:
    """Yield what the record says of each attacked image, those keys of `RECORD` that it has.

    `linf` and `l2` are how far it was moved; those of `OF_ILA` are as in `Pushed`, at the end of the attack.
    """
    change = (attacked - x).flatten(start_dim=1)
    columns = {"linf": change.norm(p=torch.inf, dim=1), "l2": change.norm(dim=1)}
    if pushed:
        ends = (pushed.objective[-1], pushed.cosine[-1], pushed.ratio[-1])
        columns |= dict(zip(OF_ILA, (pushed.no_reference, pushed.zero_gradients, *ends), strict=True))
    for image, values in enumerate(zip(*(column.tolist() for column in columns.values()), strict=True)):
        yield {"image": image} | asdict(recipe) | dict(zip(columns, values, strict=True))


def craft(
    source: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, passes: int, seed: int, batch_size: int
) -> Iterator[tuple[Recipe, Tensor]]:
    """Make what ILA is compared with: noise, FGSM, and I-FGSM and MI-FGSM of N steps.

    The noise adds ε to a pixel or takes it away, with the same chance. A step of I-FGSM and MI-FGSM is
    2 ε / N, so that a pixel can cross the ball; I-FGSM is made once more with ILA's step, ε / 5.

    Parameters
    ----------
    source : the network that is attacked
    x, y : images and their labels, as `layeraudit.attacks` takes them
    epsilon : the radius of all balls, in L∞
    passes : N
    seed : of the noise

    Yields
    ------
    How it is made, and float32 [n, c, h, w].
    """
    ball: dict[str, Any] = {"epsilon": epsilon, "batch_size": batch_size}
    signs = torch.randint(2, x.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    yield Recipe(epsilon, "noise"), (x + epsilon * signs).clamp(0, 1)
    yield Recipe(epsilon, "fgsm", forward=1, backward=1), fgsm(source, x, y, **ball)
    steps: dict[str, Any] = {"step": 2 * epsilon / passes, "steps": passes}
    yield Recipe(epsilon, "i_fgsm", forward=passes, backward=passes), bim(source, x, y, **steps, **ball)
    of_ila = bim(source, x, y, **steps | {"step": epsilon / 5}, **ball)
    yield Recipe(epsilon, "i_fgsm_ila_step", forward=passes, backward=passes), of_ila
    with_momentum = mi_fgsm(source, x, y, momentum=MOMENTUM, **steps, **ball)
    yield Recipe(epsilon, "mi_fgsm", forward=passes, backward=passes), with_momentum


def fine_tune(
    source: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    layers: Sequence[str],
    crafted: Sequence[tuple[str, str]] = CRAFTED,
    epsilon: float,
    passes: int,
    batch_size: int,
) -> Iterator[tuple[Recipe, Pushed]]:
    """Fine-tune guides by ILA in each layer, from the clean images, by steps of ε / 5 as its paper has it.

    Parameters
    ----------
    layers : where it pushes
    crafted : guides and objectives
    source, x, y, epsilon, passes : as in `craft`; N is even

    Yields
    ------
    How it is made, and what came of it.
    """
    ball: dict[str, Any] = {"epsilon": epsilon, "batch_size": batch_size}
    half = passes // 2
    of_half: dict[str, Any] = {"step": 2 * epsilon / half, "steps": half}
    guides = {
        "fgsm": (cache(lambda: fgsm(source, x, y, **ball)), 1),
        "i_fgsm": (cache(lambda: bim(source, x, y, **of_half, **ball)), half),
        "mi_fgsm": (cache(lambda: mi_fgsm(source, x, y, momentum=MOMENTUM, **of_half, **ball)), half),
    }
    for name, objective in crafted:
        make_guide, spent = guides[name]
        steps = passes - spent
        for layer in layers:
            pushed = ila(
                source,
                x,
                make_guide(),
                OBJECTIVES[objective],
                layer=layer,
                from_guide=False,
                step=epsilon / 5,
                steps=steps,
                **ball,
            )
            # Beside its steps it runs the clean image, the guide and, for the trace, what comes out.
            forward = spent + steps + 3
            yield Recipe(epsilon, objective, name, layer, forward, backward=passes), pushed


def binarise(x: Tensor) -> Tensor:
    """Make every pixel 0 or 1: what of an attack is left where most pixels were that before."""
    return (x >= 0.5).float()


def measure_disturbances(
    source: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    layers: Sequence[str],
    epsilons: Sequence[float],
    passes: int,
    batch_size: int,
) -> Iterator[dict[str, object]]:
    """Yield the mean disturbance of each layer by ILA in each layer, after each guide in each ball.

    Parameters
    ----------
    source, x, y, layers, epsilons, passes : as in `craft_all`

    Yields
    ------
    `epsilon`, `guide`, `layer` (where ILA pushes), `seen` (the layer that is disturbed), `disturbance` and
    `n_points`
    """

    def show(images: Tensor) -> dict[str, Tensor]:
        with torch.no_grad(), frozen(source), captured(source, layers) as outputs:
            return outputs(images)

    clean = show(x)
    for epsilon in epsilons:
        ball: dict[str, Any] = {"epsilon": epsilon, "passes": passes, "batch_size": batch_size}
        for recipe, pushed in fine_tune(source, x, y, layers=layers, **ball):
            for seen, outputs in show(pushed.x).items():
                yield {
                    "epsilon": epsilon,
                    "guide": recipe.guide,
                    "layer": recipe.layer,
                    "seen": seen,
                    "disturbance": float(disturb(outputs, clean[seen]).mean()),
                    "n_points": len(x),
                }


def disturb(outputs: Tensor, clean: Tensor) -> Tensor:
    """Return a layer's disturbance, ‖f(x'') − f(x)‖ / ‖f(x)‖, float32 [n], by which ILA's paper picks one."""
    disturbance: Tensor = (outputs - clean).norm(dim=1) / clean.norm(dim=1).clamp_min(1e-12)
    return disturbance
