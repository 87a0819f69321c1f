"""The least and the greatest number that the schema allows are such as the libraries take."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, ends
from torch import nn

from layeraudit.activations import capture
from layeraudit.attacks._adaptive import Layer, lead_to_neighbours
from layeraudit.attacks.bim import attack as bim
from layeraudit.attacks.cw import attack as cw
from layeraudit.attacks.fgsm import attack as fgsm
from layeraudit.evidence import Evidence
from layeraudit.files import write_split
from layeraudit.neighbours import build
from layeraudit.networks import build_network
from layeraudit.plugins import load
from layeraudit.poisons import AttackerData
from layeraudit.poisons.feature_collision import collide
from layeraudit.splits import Split
from layeraudit.training import train

SUBNORMAL = 1e-320

pytestmark = pytest.mark.usefixtures("one_thread")


X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(6) % 3
ROWS = np.random.default_rng(0).random((40, 12), dtype=np.float32)
LABELS = np.arange(40) % 3


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def trained(**options: Any) -> nn.Module:
    network = make_network()
    train(network, X, Y, **{"epochs": 2, "batch_size": 4, "learning_rate": 0.001, "seed": 0} | options)
    return network


def attacked_cw(**options: Any) -> torch.Tensor:
    quick = {"binary_search_steps": 4, "steps": 5, "batch_size": 4}
    usual = {"confidence": 0.0, "initial_constant": 1.0, "learning_rate": 0.3}
    return cw(make_network(), X, Y, **quick | usual | options)


def attacked_bim(**options: Any) -> torch.Tensor:
    return bim(make_network(), X, Y, **{"epsilon": 0.1, "step": 0.01, "steps": 5, "batch_size": 4} | options)


USUAL_OPTIONS: dict[str, dict[str, Any]] = {
    "mi_fgsm": {"epsilon": 0.1, "step": 0.02, "steps": 5, "momentum": 1.0},
    "ila": {"epsilon": 0.1, "steps": 6, "layer": "1"},
    "rotation": {},
}


def attacked(method: str, **options: Any) -> torch.Tensor:
    attack = load("attacks", method).attack
    made: torch.Tensor = attack(make_network(), X, Y, batch_size=4, **USUAL_OPTIONS[method] | options)
    return made


def shifted(mean: list[float], std: list[float]) -> torch.Tensor:
    torch.manual_seed(0)
    images = Split(X.numpy(), Y.numpy(), Y.numpy(), np.zeros(6, bool), np.arange(6))
    normalisation = {"mean": mean, "std": std}
    return build_network({"method": "tramer_d", "normalisation": normalisation}, images).eval()(X).detach()


def led(**options: Any) -> torch.Tensor:
    network, rows = nn.Sequential(nn.Flatten()), np.random.default_rng(0).random((9, 64), dtype=np.float32)
    usual = {"metric": "cosine", "norm": "linf", "epsilon": 0.1, "steepness": 1.0, "steps": 5}
    options = usual | {"first_step": 0.02, "batch_size": 4} | options
    return lead_to_neighbours(
        network, X, torch.arange(6)[:, None], torch.ones(6, 1), {"0": Layer(rows, 0.5)}, **options
    )


def collided(**options: Any) -> torch.Tensor:
    usual = {"layer": "1", "similarity": 2.0, "steps": 60, "learning_rate": 1e-4}
    return collide(make_network(), X[:3], X[3:], **usual | options)


def poisoned(method: str, **options: Any) -> torch.Tensor:
    x, y = X.repeat(10, 1, 1, 1).numpy(), np.arange(60) % 3
    split = Split(x, y, y, np.zeros(60, bool), np.arange(60))
    data = AttackerData(split, split, split, 30, 3)
    made = load("poisons", method).poison(data, seed=0, target=1, **options)
    return torch.from_numpy(made.points.x)


def scored(method: str, *, seed: int = 0, **options: Any) -> np.ndarray:
    logits = ROWS @ np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)
    neighbours = np.argsort(-(ROWS @ ROWS.T), axis=1)[:, 1:20]
    layers = {"relu": ROWS, "fc": logits}
    evidence = Evidence(LABELS, layers, {"relu": neighbours}, logits, LABELS == 0, x=ROWS)
    return load("detectors", method).fit(evidence, evidence, seed=seed, **options)(evidence)


TAKEN: list[tuple[str, Callable[[Any], Any]]] = [
    ("experiments.*.batch_size", lambda end: trained(batch_size=end)),
    ("experiments.*.seeds.items", lambda end: trained(seed=end)),
    ("experiments.*.seeds.items", lambda end: scored("random", seed=end)),
    ("experiments.*.seeds.items", lambda end: scored("activation_clustering", layer="relu", seed=end)),
    ("experiments.*.seeds.items", lambda end: scored("spectral_signatures", layer="relu", seed=end)),
    ("training.learning_rate", lambda end: trained(learning_rate=end)),
    ("activations.batch_size", lambda end: [b["1"] for b in capture(trained(), X, ["1"], batch_size=end)]),
    ("attacks.fgsm.epsilon", lambda end: fgsm(make_network(), X, Y, epsilon=end, batch_size=4)),
    ("attacks.bim.epsilon", lambda end: attacked_bim(epsilon=end)),
    ("attacks.bim.step", lambda end: attacked_bim(step=end)),
    ("attacks.cw.confidence", lambda end: attacked_cw(confidence=end)),
    ("attacks.cw.initial_constant", lambda end: attacked_cw(initial_constant=end, binary_search_steps=20)),
    ("attacks.cw.binary_search_steps", lambda end: attacked_cw(binary_search_steps=end)),
    ("attacks.cw.learning_rate", lambda end: attacked_cw(learning_rate=end)),
    ("attacks.mi_fgsm.epsilon", lambda end: attacked("mi_fgsm", epsilon=end)),
    ("attacks.mi_fgsm.step", lambda end: attacked("mi_fgsm", step=end)),
    ("attacks.mi_fgsm.momentum", lambda end: attacked("mi_fgsm", momentum=end)),
    ("attacks.ila.epsilon", lambda end: attacked("ila", epsilon=end)),
    ("attacks.rotation.degrees", lambda end: attacked("rotation", degrees=end)),
    ("networks.*.normalisation.mean.items", lambda end: shifted([end], [1.0])),
    ("networks.*.normalisation.std.items", lambda end: shifted([0.0], [end])),
    ("adaptive.epsilons.items", lambda end: led(epsilon=end, first_step=0.2 * end)),
    ("adaptive.radii.items", lambda end: led(norm="l2", epsilon=end, first_step=0.2 * end)),
    ("adaptive.steepness", lambda end: led(steepness=end)),
    ("adaptive.first_step", lambda end: led(first_step=0.2 * end)),
    ("poisons.feature_collision.learning_rate", lambda end: collided(learning_rate=end)),
    ("poisons.feature_collision.similarity", lambda end: collided(similarity=end)),
    ("poisons.badnets.rate", lambda end: poisoned("badnets", rate=end, size=2)),
    ("poisons.blended.opacity", lambda end: poisoned("blended", rate=0.1, opacity=end)),
    ("detectors.vim.dimensions", lambda end: scored("vim", layer="relu", dimensions=end)),
    ("detectors.trust_score.k", lambda end: scored("trust_score", layer="relu", k=end, alpha=0.1)),
    ("detectors.trust_score.alpha", lambda end: scored("trust_score", layer="relu", k=3, alpha=end)),
]


def numbers(result: Any) -> Iterator[torch.Tensor]:
    if isinstance(result, nn.Module):
        yield from result.parameters()
    elif isinstance(result, list):
        yield from result
    else:
        yield torch.as_tensor(result)


@pytest.mark.parametrize(
    ("run", "end"),
    [pytest.param(run, end, id=f"{path}={end:g}") for path, run in TAKEN for end in ends(path)],
)
def test_the_ends_are_taken_and_give_finite_numbers(run: Callable[[Any], Any], end: float) -> None:
    assert all(part.isfinite().all() for part in numbers(run(end)))


def test_a_search_may_have_all_the_memory_that_is_allowed() -> None:
    most = ends("neighbours.memory_mb")[1]
    assert build(ROWS, "l2").search(ROWS, 3, memory_mb=most).shape == (40, 3)


@pytest.mark.parametrize("degrees", [SUBNORMAL, -SUBNORMAL, 0.0])
def test_degrees_may_be_as_small_as_can_be(degrees: float) -> None:
    torch.testing.assert_close(attacked("rotation", degrees=degrees), X)


@pytest.mark.parametrize("value", [SUBNORMAL, 0.0])
@pytest.mark.parametrize(
    ("path", "run"), [of for of in TAKEN if ends(of[0])[0] == 0 and isinstance(ends(of[0])[1], float)]
)
def test_where_0_is_allowed_all_above_it_is(path: str, run: Callable[[Any], Any], value: float) -> None:
    assert all(part.isfinite().all() for part in numbers(run(value)))


ATTACKS = """
import json, logging, sys
from pathlib import Path
from layeraudit.files import read_split
from layeraudit.poisons.secml_gradient import poison_svm

logging.disable(logging.WARNING)
split = read_split(Path(sys.argv[1]))
usual = {"points": 2, "seed": 0}
for options in json.loads(sys.argv[2]):
    _, moved = poison_svm(split, split, **usual | options)
    print(len(moved))
"""

USUAL = {"radius": 2.5, "regularization": 10, "eta": 0.25, "eta_min": 2, "eta_max": None, "tolerance": 1e-6}


def test_the_ends_are_taken_by_secml(environment: Callable[[str], Path], tmp_path: Path) -> None:
    y = np.arange(20) % 2
    x = np.random.default_rng(0).random((20, 1, 6, 6), dtype=np.float32) / 2
    x[y == 1, :, :, :3] += np.float32(0.3)
    write_split(tmp_path / "split.npz", Split(x, y, y, np.zeros(20, bool), np.arange(20)))
    options = [
        USUAL | {"max_iterations": 20} | {option: end}
        for option in [*USUAL, "max_iterations"]
        for end in ends(f"poisons.secml_gradient.{option}")
    ]
    options += [
        USUAL | {"max_iterations": 5, "eta": end, "eta_min": other, "eta_max": other}
        for end, other in [ends("poisons.secml_gradient.eta"), ends("poisons.secml_gradient.eta")[::-1]]
    ]
    options += [USUAL | {"max_iterations": 5, "radius": SUBNORMAL}]
    options += [USUAL | {"max_iterations": 5, "seed": end} for end in ends("experiments.*.seeds.items")]
    ended = subprocess.run(
        [environment("secml"), "-c", ATTACKS, tmp_path / "split.npz", json.dumps(options)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY / "scripts")},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["2"] * len(options)
