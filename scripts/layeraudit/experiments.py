"""Experiments: a data set, its splits, a poison or none, a network and its training, what it is shown, seeds.

Every experiment has one form, those that the configuration names and those that it lists as settings of the
leaderboard alike.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

from layeraudit.plugins import read_constants


class Attacker(TypedDict):
    """Images in the hands of whoever poisons a training set, none of which the network is trained on.

    Attributes
    ----------
    classes : of these images; None is all
    part : of the data set, `train` or `test`
    sources, validation : how many may become poison, and how many more there are
    """

    classes: list[int] | None
    part: str
    sources: int
    validation: int


class Experiment(TypedDict):
    """What is done, once for each seed.

    Attributes
    ----------
    dataset : its name
    network : `method`, its options and `normalisation`
    network_name : its name
    layers : that are captured, from input to output; none where an audit chooses them
    pooling : what is kept of the activations, as `layeraudit.activations.POOLING` names it
    classes : that the network tells apart; None is all
    train, calibration, test : images of each split; None is what the others leave
    pretraining : images that the network is trained on before, of which only the last layer is then trained
        again; 0 where all of it is trained from scratch
    attacker : as `Attacker`
    poison : the name of what is added to the training set, or ""
    poison_settings : its `method` and options, or None
    epochs, batch_size : of training
    inputs : what the network is shown beside held-out images: of each `method`, `images` and its options
    adaptive : settings of the attack on Deep k-nearest neighbours, or None
    bench, setting : of the leaderboard's experiments what they compare and in which setting, else None
    audit : the name of the audit that it is of, or None
    """

    dataset: str
    network: dict[str, Any]
    network_name: str
    layers: list[str]
    pooling: str
    seeds: list[int]
    classes: list[int] | None
    train: int | None
    calibration: int | None
    test: int | None
    pretraining: int
    attacker: Attacker
    poison: str
    poison_settings: dict[str, Any] | None
    epochs: int
    batch_size: int
    inputs: dict[str, dict[str, Any]]
    adaptive: dict[str, Any] | None
    bench: str | None
    setting: str | None
    audit: str | None


RANDOM, PERFECT = "random", "perfect"
CONTROLS = (RANDOM, PERFECT, "grey_pixels", "pixel_distance")
"""Detectors that know nothing, all, and the pixels alone; every configuration has them, under these names."""

CLEAN = "clean"
"""Held-out images as they are, among the inputs that a network is shown."""

ADAPTIVE, OTHER_DATA = "adaptive", "other_data"
"""Methods of inputs that need more than a network and held-out images: they have rules of their own."""

BALL = {"type": "number", "minimum": 0.0001, "maximum": 1}
OPTIONS: dict[str, dict[str, Any]] = {
    ADAPTIVE: {
        "epsilons": {
            "description": "Radii of the L-infinity ball; a pixel spans 0 to 1.",
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": BALL,
        },
        "radii": {
            "description": "Radii of the L2 ball, from the least; the least change is sought in each.",
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "number", "minimum": 0.001, "maximum": 100},
        },
        "intermediate_level": {
            "description": "ILA fine-tunes the attack in one of these balls in each layer; null does not.",
            "type": ["object", "null"],
            "additionalProperties": False,
            "required": ["epsilon", "steps"],
            "properties": {
                "epsilon": BALL,
                "steps": {"type": "integer", "minimum": 1, "maximum": 10_000},
            },
        },
    },
    OTHER_DATA: {"dataset": {"title": "the name of a data set", "type": "string"}},
}
"""Their options, a JSON Schema for each name."""

AUTO = "auto"
"""In the place of an audit's layers: it chooses them."""

AUDIT_SEED = 1
"""Draws which of an audit's held-out rows calibrate, and its controls."""

PLANTED = "_planted"
"""After the name of an audit, that of its controls: errors are planted, and its network is trained again."""

UNFILTERED = "unfiltered"
"""Stands in the place of a detector where nothing was removed from a training set."""

DEFAULTS: dict[str, Any] = {
    "classes": None,
    "pretraining": 0,
    "poison": None,
    "layers": None,
    "inputs": {},
}
ATTACKER: Attacker = {"classes": None, "part": "train", "sources": 0, "validation": 0}
"""What an experiment has where the configuration does not say it."""


def list_experiments(configuration: Mapping[str, Any]) -> dict[str, Experiment]:
    """List the experiments, each by the name of its folder."""
    found = {
        name: complete_experiment(settings, configuration)
        for name, settings in configuration["experiments"].items()
    }
    for bench, setting, name, settings in list_settings(configuration):
        found[name] = complete_experiment(settings, configuration) | {"bench": bench, "setting": setting}
    return found


def list_settings(configuration: Mapping[str, Any]) -> list[tuple[str, str, str, dict[str, Any]]]:
    """List the leaderboard's experiments: of each its bench, setting, name and settings."""
    if "benches" not in configuration:
        return []
    poisoned, evaded = (configuration["benches"][bench]["settings"] for bench in ("poison", "evasion"))
    return [
        *(
            ("poison", setting, f"{setting}_{poison}", _leave_out(settings, "poisons") | {"poison": poison})
            for setting, settings in poisoned.items()
            for poison in settings["poisons"]
        ),
        *(("evasion", setting, setting, dict(settings)) for setting, settings in evaded.items()),
    ]


def complete_experiment(settings: Mapping[str, Any], configuration: Mapping[str, Any]) -> Experiment:
    """Return an experiment of the configuration with all that it does not say."""
    network = configuration["networks"][settings["network"]]
    poison = settings.get("poison") or ""
    experiment: dict[str, Any] = {
        **DEFAULTS,
        **settings,
        "attacker": ATTACKER | settings.get("attacker", {}),
        "network": network,
        "network_name": settings["network"],
        "layers": settings.get("layers") or read_constants("networks", network["method"])["LAYERS"],
        "pooling": "none",
        "poison": poison,
        "poison_settings": configuration["poisons"].get(poison),
        "adaptive": None,
        "bench": None,
        "setting": None,
        "audit": None,
    }
    attack = experiment["inputs"].get(ADAPTIVE, {})
    if attack.get("method") == ADAPTIVE:
        experiment["adaptive"] = configuration["adaptive"] | attack
    return experiment  # type: ignore[return-value]


def list_audits(configuration: Mapping[str, Any]) -> dict[str, Experiment]:
    """List the audits as experiments of one seed, whose network has its weights: all rows are in a split.

    Of the held-out rows half calibrate. Where the network has a training function, an audit's controls are
    one more.
    """
    found = {}
    for name, settings in configuration.get("audits", {}).items():
        network = configuration["networks"].get(settings["network"])
        chosen = settings["layers"]
        audit: dict[str, Any] = {
            **DEFAULTS,
            "dataset": settings["dataset"],
            "network": network,
            "network_name": settings["network"],
            "layers": [] if chosen == AUTO else chosen,
            "pooling": settings["pooling"],
            "seeds": [AUDIT_SEED],
            "attacker": ATTACKER,
            **dict.fromkeys(("train", "calibration", "test")),
            "poison": "",
            **dict.fromkeys(("poison_settings", "adaptive", "bench", "setting")),
            "audit": name,
        }
        found[name] = audit
        if network and network.get("train"):
            found[name + PLANTED] = audit
    return found  # type: ignore[return-value]


def _leave_out(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != key}
