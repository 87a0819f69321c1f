"""Whether a configuration has what the student report's tables need."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from layeraudit.configuration import Problem, find_in_poison, find_name, find_taken, show
from layeraudit.experiments import ADAPTIVE, Experiment
from layeraudit.plugins import read_constants
from layeraudit.report.published import POISONS_SHOWN

MOST_PRIMARY = 8
"""Claims with a verdict: more would leave each too small a share of the significance level."""

POISON = {
    "clean": None,
    "ten_digits": "secml",
    "two_digits": "secml",
    "two_digits_memorised": "secml",
    "two_digits_quarter": "secml",
    "two_digits_quarter_flips": "secml_flips",
}
"""Experiments that the tables are of, and their poison."""

OF_ALL_TRAININGS = ("dataset", "network_name", "layers", "classes", "calibration", "test", "attacker")
TRAININGS = (
    ("two_digits_memorised", "two_digits", ("train",)),
    ("two_digits_quarter", "two_digits", ()),
    ("two_digits_quarter_flips", "two_digits_quarter", ("train", "epochs", "batch_size")),
)
"""Trainings of the same images: which is like which, and what else they have in common."""

TAKEN_IN_TRANSFER = r"audited|twin|.*_twin|mean_of_others|mean_of_steady_others"
"""What the files and tables of attacks that transfer call other than by a network's name."""


def find_problems(
    configuration: Mapping[str, Any], experiments: Mapping[str, Experiment]
) -> Iterator[Problem]:
    """Find settings of the student report's experiments that do not fit together."""
    yield from find_taken("networks", TAKEN_IN_TRANSFER, configuration)
    primary = [name for name, claim in configuration.get("claims", {}).items() if "holds" in claim]
    if len(primary) > MOST_PRIMARY:
        yield Problem(
            f"claims has {len(primary)} that say what holds, allowed are up to {MOST_PRIMARY} primary ones"
        )
    yield from _find_in_poison(configuration, experiments)
    yield from _find_in_trainings(experiments)
    if "transfer" in configuration:
        yield from _find_in_transfer(configuration)
    else:
        yield Problem("the configuration lacks the key transfer, which is required for the report's tables")


def _find_in_poison(
    configuration: Mapping[str, Any], experiments: Mapping[str, Experiment]
) -> Iterator[Problem]:
    found = configuration["experiments"]
    yield from _find_in_sizes(configuration["poisons"])
    for name, poison in POISON.items():
        if name not in found:
            yield Problem(f"experiments lacks the key {name}, which is required for the report's tables")
            continue
        if not found[name]["seeds"]:
            yield Problem(f"experiments.{name}.seeds is [], allowed are one or more for the report's tables")
        if (given := found[name].get("poison")) != poison:
            yield Problem(
                f"experiments.{name}.poison is {show(given)}, allowed is {poison or 'null'}, "
                "as the report has it"
            )
    if "clean" in found:
        attacker, adaptive = experiments["clean"]["attacker"], experiments["clean"]["adaptive"] or {}
        for name in POISONS_SHOWN:
            poison = configuration["poisons"].get(name, {})
            for problem in find_in_poison(name, poison, attacker, "experiments.clean"):
                yield Problem(problem, ("clean",))
        for key in ("radii", "intermediate_level"):
            if not adaptive.get(key):
                yield Problem(
                    f"experiments.clean.inputs.{ADAPTIVE}.{key} is {show(adaptive.get(key))}, "
                    "allowed are one or more for the report's tables",
                    ("clean",),
                )


def _find_in_sizes(poisons: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Find how the report's poisons are not secml's, or differ in more than one option."""
    few, secml, flips = (poisons.get(name, {}) for name in (*POISONS_SHOWN, "secml_flips"))
    for name, found, allowed, concerns in [
        ("secml", secml, {"method": "secml_gradient", "pairs": None}, ()),
        ("secml_few", few, {**secml, "points": few.get("points")}, ("clean",)),
        ("secml_flips", flips, {**secml, "radius": 0}, ("two_digits_quarter_flips",)),
    ]:
        for key, value in allowed.items():
            if (given := found.get(key)) != value:
                words = "null" if value is None else show(value)
                sentence = f"poisons.{name}.{key} is {show(given)}, allowed is {words}, as the report has it"
                yield Problem(sentence, concerns)
    if few.get("points", 0) >= secml.get("points", math.inf):
        yield Problem(
            f"poisons.secml_few.points is {few['points']}, allowed are fewer than {secml['points']}, "
            "which poisons.secml has",
            ("clean",),
        )


def _find_in_trainings(experiments: Mapping[str, Experiment]) -> Iterator[Problem]:
    for name, like, more in TRAININGS:
        if name not in experiments or like not in experiments:
            continue
        one: dict[str, Any] = {**experiments[name]}
        other: dict[str, Any] = {**experiments[like]}
        for key in (*OF_ALL_TRAININGS, *more):
            if one[key] != other[key]:
                yield Problem(
                    f"experiments.{name}.{key.removesuffix('_name')} is {show(one[key])}, "
                    f"allowed is {show(other[key])}, as in experiments.{like}",
                    (name,),
                )


def _find_in_transfer(configuration: Mapping[str, Any]) -> Iterator[Problem]:
    found, transfer = configuration["experiments"], configuration["transfer"]
    for name, settings in transfer["experiments"].items():
        audited = found.get(name, {}).get("network")
        others = [
            network
            for network, of in configuration["networks"].items()
            if network != audited and read_constants("networks", of["method"])["LAYERS"]
        ]
        for role in ("sources", "targets"):
            for number, network in enumerate(settings[role]):
                key = f"transfer.experiments.{name}.{role}[{number}]"
                yield from find_name(network, others, key, "networks but the audited one")
        if name not in found:
            yield Problem(f"transfer.experiments has {name!r}, allowed are those of experiments")
            continue
        for key, value, of in [
            (f"experiments.{name}.images", settings["images"], "test"),
            ("validation", transfer["validation"], "calibration"),
            (f"experiments.{name}.networks.train", settings["networks"]["train"], "train"),
        ]:
            if value > (most := found[name][of]):
                yield Problem(
                    f"transfer.{key} is {value}, allowed are up to {most}, those of experiments.{name}.{of}",
                    (name,),
                )
