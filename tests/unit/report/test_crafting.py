"""How attacks that are to transfer are made: their passes, their ball, and what is measured of them."""

from typing import Any

import pytest
import torch
from conftest import ends
from torch import Tensor, nn

from layeraudit.attacks._conditions import ROUNDING
from layeraudit.attacks._intermediate_level import flexible, ila, projection
from layeraudit.attacks.bim import attack as bim
from layeraudit.attacks.fgsm import attack as fgsm
from layeraudit.attacks.mi_fgsm import attack as mi_fgsm
from layeraudit.report.crafting import Recipe, binarise, craft, disturb, fine_tune

pytestmark = pytest.mark.usefixtures("one_thread")

N, PASSES, EPSILON = 7, 6, 0.1


class Counter(nn.Module):
    """Counts the images that go through it in either direction."""

    def __init__(self) -> None:
        super().__init__()
        self.forward_images = self.backward_images = 0

    def forward(self, x: Tensor) -> Tensor:
        self.forward_images += len(x)
        if x.requires_grad:
            x.register_hook(self.count_backward)
        return x

    def count_backward(self, gradient: Tensor) -> None:
        self.backward_images += len(gradient)

    def take(self) -> tuple[int, int]:
        """Give the passes of an image since it was last asked."""
        # One image more may go forward, by which an attack learns of how many classes the network is.
        passes = self.forward_images // N, self.backward_images / N
        assert passes[1] == int(passes[1])
        self.forward_images = self.backward_images = 0
        return passes[0], int(passes[1])


def make_source() -> tuple[nn.Sequential, Counter, Tensor, Tensor]:
    """Make a network with two layers to push in, images that hold pixels of 0 and 1, and their labels."""
    torch.manual_seed(0)
    counter = Counter()
    source = nn.Sequential(counter, nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3))
    x = (1.4 * torch.rand(N, 1, 4, 4, generator=torch.Generator().manual_seed(1)) - 0.2).clamp(0, 1)
    with torch.no_grad():
        y = source(x).argmax(dim=1)
    counter.take()
    return source, counter, x, y


OPTIONS: dict[str, Any] = {"epsilon": EPSILON, "passes": PASSES, "batch_size": 3}
ALL_CRAFTED = [("fgsm", "ilap"), ("i_fgsm", "ilap"), ("mi_fgsm", "ilap"), ("i_fgsm", "ilaf")]


def test_what_is_compared_takes_as_many_passes_as_its_recipe_says() -> None:
    source, counter, x, y = make_source()
    recipes = []
    for recipe, _ in craft(source, x, y, seed=0, **OPTIONS):
        assert counter.take() == (recipe.forward, recipe.backward)
        recipes.append(recipe)
    assert recipes == [
        Recipe(EPSILON, "noise"),
        Recipe(EPSILON, "fgsm", forward=1, backward=1),
        Recipe(EPSILON, "i_fgsm", forward=PASSES, backward=PASSES),
        Recipe(EPSILON, "i_fgsm_ila_step", forward=PASSES, backward=PASSES),
        Recipe(EPSILON, "mi_fgsm", forward=PASSES, backward=PASSES),
    ]


def test_ila_takes_the_passes_that_its_guide_leaves_and_all_rivals_n_backward() -> None:
    source, counter, x, y = make_source()
    spent = {"fgsm": 1, "i_fgsm": PASSES // 2, "mi_fgsm": PASSES // 2}
    recipes = []
    for recipe, _ in fine_tune(source, x, y, layers=["2", "3"], crafted=ALL_CRAFTED, **OPTIONS):
        # A guide is made once, before the first that it guides.
        made = 0 if recipe.guide in {known.guide for known in recipes} else spent[recipe.guide]
        forward, backward = (counted - made + spent[recipe.guide] for counted in counter.take())
        assert (forward, backward) == (recipe.forward, recipe.backward)
        recipes.append(recipe)
    assert recipes == [
        Recipe(EPSILON, attack, guide, layer, forward=PASSES + 3, backward=PASSES)
        for guide, attack in ALL_CRAFTED
        for layer in ["2", "3"]
    ]


def test_only_what_is_asked_for_is_fine_tuned() -> None:
    source, _, x, y = make_source()
    made = fine_tune(source, x, y, layers=["3"], crafted=[("i_fgsm", "ilaf")], **OPTIONS)
    assert [(recipe.attack, recipe.guide, recipe.layer) for recipe, _ in made] == [("ilaf", "i_fgsm", "3")]


def test_attacks_of_n_steps_can_cross_the_ball_in_them_and_ila_steps_by_a_fifth_of_it() -> None:
    source, _, x, y = make_source()
    ball: dict[str, Any] = {"epsilon": EPSILON, "batch_size": 3}
    made = {recipe.attack: images for recipe, images in craft(source, x, y, seed=0, **OPTIONS)}
    steps: dict[str, Any] = {"step": 2 * EPSILON / PASSES, "steps": PASSES}
    assert torch.equal(made["fgsm"], fgsm(source, x, y, **ball))
    assert torch.equal(made["i_fgsm"], bim(source, x, y, **steps, **ball))
    of_ila = bim(source, x, y, step=EPSILON / 5, steps=PASSES, **ball)
    assert torch.equal(made["i_fgsm_ila_step"], of_ila)
    assert torch.equal(made["mi_fgsm"], mi_fgsm(source, x, y, momentum=1.0, **steps, **ball))

    half = PASSES // 2
    guides = {
        "fgsm": (fgsm(source, x, y, **ball), PASSES - 1),
        "i_fgsm": (bim(source, x, y, step=2 * EPSILON / half, steps=half, **ball), PASSES - half),
        "mi_fgsm": (
            mi_fgsm(source, x, y, step=2 * EPSILON / half, steps=half, momentum=1.0, **ball),
            PASSES - half,
        ),
    }
    objectives = {"ilap": projection, "ilaf": flexible(5.0)}
    for recipe, pushed in fine_tune(source, x, y, layers=["2", "3"], crafted=ALL_CRAFTED, **OPTIONS):
        guide, left = guides[recipe.guide]
        of_ila: dict[str, Any] = {"layer": recipe.layer, "step": EPSILON / 5, "steps": left}
        expected = ila(source, x, guide, objectives[recipe.attack], from_guide=False, **of_ila, **ball)
        assert torch.equal(pushed.x, expected.x)
        assert torch.equal(pushed.objective, expected.objective)


def test_noise_is_epsilon_added_or_taken_away_before_it_is_cut_to_the_box() -> None:
    source, _, x, y = make_source()

    def make_noise(seed: int, epsilon: float = EPSILON) -> Tensor:
        return next(craft(source, x, y, seed=seed, **OPTIONS | {"epsilon": epsilon}))[1]

    noisy = make_noise(5)
    added, taken = ((noisy - (x + sign * EPSILON).clamp(0, 1)).abs() < 1e-6 for sign in (1, -1))
    assert (added | taken).all()
    assert 0.3 < (added & ~taken).float().mean() < 0.7
    assert torch.equal(noisy, make_noise(5))
    assert not torch.equal(noisy, make_noise(6))
    within = (x > 0.3) & (x < 0.7)
    torch.testing.assert_close((make_noise(5, 0.3) - x)[within], (3 * (noisy - x))[within])


def test_whatever_is_made_stays_in_ball_and_box() -> None:
    source, _, x, y = make_source()
    for epsilon in (0.02, 0.4):
        options = OPTIONS | {"epsilon": epsilon}
        made = [images for _, images in craft(source, x, y, seed=0, **options)]
        made += [pushed.x for _, pushed in fine_tune(source, x, y, layers=["2", "3"], **options)]
        for images in made:
            farthest = (images.double() - x.double()).abs().amax(dim=(1, 2, 3))
            assert (farthest <= epsilon + ROUNDING).all()
            assert (farthest >= epsilon / 2).all()
            assert 0 <= images.min() <= images.max() <= 1


@pytest.mark.parametrize(
    ("path", "option"),
    [("transfer.batch_size", "batch_size"), ("transfer.experiments.clean.epsilons.items", "epsilon")],
)
def test_the_ends_that_the_schema_allows_give_finite_images(path: str, option: str) -> None:
    source, _, x, y = make_source()
    for end in ends(path):
        options = OPTIONS | {option: end}
        for _, pushed in fine_tune(source, x, y, layers=["2"], crafted=[("i_fgsm", "ilap")], **options):
            assert pushed.x.isfinite().all()


def test_binarised_pixels_are_0_or_1_and_a_half_is_1() -> None:
    binarised = binarise(torch.tensor([0.0, 0.49, 0.5, 0.51, 1.0]))
    assert binarised.tolist() == [0, 0, 1, 1, 1]
    assert binarised.dtype == torch.float32


def test_a_disturbance_is_the_change_of_a_layer_relative_to_its_length() -> None:
    clean, outputs = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[3.0, 9.0], [0.0, 2.0]])
    assert disturb(outputs, clean).tolist() == [1, 0]
    assert disturb(outputs, torch.zeros(2, 2)).isfinite().all()
