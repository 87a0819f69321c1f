"""Whether a configuration has what the leaderboard compares."""

from collections.abc import Iterator, Mapping
from typing import Any

from layeraudit.configuration import Problem, find_name, find_taken, is_for, show
from layeraudit.experiments import CONTROLS, RANDOM, UNFILTERED, Experiment


def find_problems(
    configuration: Mapping[str, Any], experiments: Mapping[str, Experiment]
) -> Iterator[Problem]:
    """Find detectors and experiments that the leaderboard lacks."""
    yield from find_taken("detectors", UNFILTERED, configuration)
    for control in CONTROLS:
        if (found := configuration["detectors"].get(control)) != {"method": control}:
            allowed = {"method": control}
            yield Problem(f"detectors.{control} is {show(found)}, allowed is {allowed}: it is a control")
    if "benches" not in configuration:
        yield Problem("the configuration lacks the key benches, which is required for the leaderboard")
        return
    retrained = configuration["benches"]["poison"]["retrained"]
    scored = [name for name in configuration["detectors"] if is_for("poison", configuration, name)]
    for number, detector in enumerate(retrained):
        yield from find_name(detector, scored, f"benches.poison.retrained[{number}]", "detectors of poison")
    if RANDOM not in retrained:
        yield Problem(
            f"benches.poison.retrained is {show(retrained)}, "
            f"allowed is a list that has {RANDOM!r}, with which the others are compared"
        )
    run = [experiment for experiment in experiments.values() if experiment["seeds"]]
    poisons = [of["poison_settings"] or {} for of in run if of["bench"] == "poison"]
    if all(poison.get("method") == "none" for poison in poisons):
        yield Problem("benches.poison.settings has no seed of a poison, allowed are one or more")
    if not any(of["bench"] == "evasion" for of in run):
        yield Problem("benches.evasion.settings has no seed, allowed are one or more")
