"""Where the student report and the papers give figures, and of which settings, so that ours compare."""

from collections.abc import Mapping
from typing import Any

from layeraudit.experiments import list_experiments
from layeraudit.plugins import read_constants

NEIGHBOURS = 75
"""k of the student report, and of the papers whose figures stand beside ours."""

REPORTED: dict[str, tuple[list[int] | None, int]] = {
    "clean": (None, 0),
    "ten_digits": (None, 50),
    "two_digits": ([1, 9], 50),
}
"""The student report's experiments: their classes, and the poison points in training."""

POISONS_SHOWN = ("secml_few", "secml")
"""The poisons of experiment 1, whose network is not trained on them: the smaller one first."""

PUBLISHED: dict[str, dict[str, float]] = {
    "test": {},
    "fgsm": {"epsilon": 0.25},
    "bim": {"epsilon": 0.25, "step": 0.01, "steps": 100},
    "cw": {"confidence": 0},
    "rotated": {"degrees": 45},
    "fashion_mnist": {},
    "adaptive": {},
}
"""What the papers show to models of clean digits, and the settings that make it theirs."""


def is_as_reported(configuration: Mapping[str, Any], name: str) -> bool:
    """Return whether an experiment is the one that the student report describes, so that figures compare.

    Training images and epochs do not count: the report leaves them open.

    Parameters
    ----------
    name : one of `REPORTED`; the second training of two digits has the data of the first
    """
    experiment, poisons = list_experiments(configuration)[name], configuration["poisons"]
    points = (experiment["poison_settings"] or {"points": 0})["points"]
    made = [experiment["poison"]] if points else POISONS_SHOWN
    return (
        _is_mnist(configuration, experiment["dataset"])
        and (_list_classes(experiment["classes"]), points) == REPORTED[name]
        and _list_classes(experiment["attacker"]["classes"]) == [1, 9]
        and all(poisons[poison].get("radius") == 2.5 for poison in made)
        and configuration["neighbours"]["k"] == NEIGHBOURS
    )


def list_as_published(configuration: Mapping[str, Any]) -> list[str]:
    """Return which of `PUBLISHED` are as in the papers; the numbers of images do not count."""
    clean = list_experiments(configuration)["clean"]
    if (
        not _is_mnist(configuration, clean["dataset"])
        or _list_classes(clean["classes"]) is not None
        or configuration["neighbours"]["k"] != NEIGHBOURS
    ):
        return []
    return [
        name
        for name, settings in PUBLISHED.items()
        if all(clean["inputs"].get(name, {}).get(key) == value for key, value in settings.items())
    ]


def _is_mnist(configuration: Mapping[str, Any], dataset: str) -> bool:
    method = configuration["datasets"][dataset]["method"]
    return bool(read_constants("datasets", method)["TITLE"] == "MNIST")


def _list_classes(classes: list[int] | None) -> list[int] | None:
    """Return classes in order, and all ten as None."""
    return None if classes is None or sorted(classes) == list(range(10)) else sorted(classes)
