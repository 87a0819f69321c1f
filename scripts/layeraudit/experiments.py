"""Experiments: what a configuration says of every run, those of the report and those of the benches alike."""

from collections.abc import Mapping
from typing import Any

Experiment = dict[str, Any]

RANDOM, PERFECT, GREY_PIXELS = "random", "perfect", "grey_pixels"
CONTROLS = (RANDOM, PERFECT, GREY_PIXELS)
"""Detectors that know nothing, all, and the pixels alone; every configuration has them, under these names."""

ATTACKS = ("fgsm", "bim", "cw", "ila", "adaptive")
"""Inputs of the evasion bench of which those are to be found that the network errs on; of others all are."""

CLEAN = "clean"
"""The input of the evasion bench that is no other: held-out images as they are."""

INPUTS = (*ATTACKS, "rotated", "other_data")
"""Inputs of the evasion bench beside clean images."""

OF_EVERY_BENCH = {"network": "report_cnn", "digits": list(range(10))}
"""What all experiments of the benches have in common."""

UNFILTERED = "unfiltered"
"""Stands in the place of a detector where nothing was removed from a training set."""

OF_A_MODEL = (
    "dataset",
    "network",
    "seeds",
    "digits",
    "train",
    "calibration",
    "test",
    "epochs",
    "batch_size",
)


NEIGHBOURS = 75
"""k of the student report, and of the papers whose figures stand beside ours."""

TEN_DIGITS = list(range(10))

REPORTED = {"clean": (TEN_DIGITS, 0), "ten_digits": (TEN_DIGITS, 50), "two_digits": ([1, 9], 50)}
"""The student report's experiments: their digits, and poison points in training."""

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
    experiment, poison = configuration["experiments"][name], configuration["poison"]
    return (
        experiment["dataset"] == "mnist"
        and (sorted(experiment["digits"]), experiment["poison"]) == REPORTED[name]
        and sorted(poison["digits"]) == [1, 9]
        and (poison["distance"], poison["radius"]) == ("l2", 2.5)
        and configuration["neighbours"]["k"] == NEIGHBOURS
    )


def list_as_published(configuration: Mapping[str, Any]) -> list[str]:
    """Return which of `PUBLISHED` are as in the papers; the numbers of images do not count."""
    clean, inputs = configuration["experiments"]["clean"], configuration["inputs"]
    of_clean = clean["dataset"], sorted(clean["digits"]), configuration["neighbours"]["k"]
    if of_clean != ("mnist", TEN_DIGITS, NEIGHBOURS):
        return []
    return [
        name
        for name, settings in PUBLISHED.items()
        if all(inputs[name][key] == value for key, value in settings.items())
    ]


def list_experiments(configuration: Mapping[str, Any]) -> dict[str, Experiment]:
    """List the experiments, each by the name of its folder.

    Returns
    -------
    For each the keys of OF_A_MODEL, and
        pretraining : images that the network is trained on before, of which only the last layer is then
            trained again; 0 where all of it is trained from scratch
        attack : `digits`, `part`, `sources` and `validation` of the images in the attacker's hands
        poison : the name of the file of `data/` that holds the poison in the training set, or None
        bench, setting : of a bench's experiments the bench and the setting, else None
    and of the poison bench `method`, `options` and `name` of the poison; of experiments whose models are
    shown other inputs too, `inputs` and `adaptive`.
    """
    found = of_report(configuration) | of_poison_bench(configuration) | of_evasion_bench(configuration)
    layers = configuration["activations"]["layers"]
    return {name: {"name": ""} | experiment | {"layers": layers} for name, experiment in found.items()}


def of_report(configuration: Mapping[str, Any]) -> dict[str, Experiment]:
    """List the experiments of the report."""
    poison = configuration["poison"]
    found = {}
    for name, settings in configuration["experiments"].items():
        found[name] = _of_model(settings) | {
            "pretraining": 0,
            "attack": {
                "digits": poison["digits"],
                "part": settings["poison_part"],
                "sources": poison["train"],
                "validation": poison["validation"],
            },
            "poison": _name_poison(settings),
            "bench": None,
            "setting": None,
        }
    inputs = dict(configuration["inputs"])
    other_data = inputs.pop("fashion_mnist") | {"dataset": "fashion_mnist"}
    found["clean"] |= {"inputs": inputs | {"other_data": other_data}, "adaptive": configuration["adaptive"]}
    return found


def _name_poison(settings: Mapping[str, Any]) -> str | None:
    """Return the file of `data/` that holds the poison of an experiment of the report, without its ending."""
    prefix = {"secml": "poison", "label_flips": "flips"}[settings["poison_kind"]]
    return f"{prefix}_{settings['poison']}" if settings["poison"] else None


def of_poison_bench(configuration: Mapping[str, Any]) -> dict[str, Experiment]:
    """List the experiments of the poison bench: every poison of every setting."""
    found = {}
    for setting, settings in configuration["benches"]["poison"]["settings"].items():
        for name in settings["poisons"]:
            options = dict(configuration["poisons"][name])
            method = options.pop("method")
            found[f"{setting}_{name}"] = _of_model(OF_EVERY_BENCH | settings) | {
                "pretraining": settings["pretraining"],
                "attack": {
                    "digits": OF_EVERY_BENCH["digits"],
                    "part": "train",
                    "sources": settings["attack_sources"],
                    "validation": settings["attack_validation"],
                },
                "poison": "poison",
                "bench": "poison",
                "setting": setting,
                "name": name,
                "method": method,
                "options": options,
            }
    return found


def of_evasion_bench(configuration: Mapping[str, Any]) -> dict[str, Experiment]:
    """List the experiments of the evasion bench, one a setting."""
    found = {}
    for name, settings in configuration["benches"]["evasion"]["settings"].items():
        epsilon = settings["inputs"]["adaptive"]["epsilon"]
        one_ball = {
            "images": settings["inputs"]["adaptive"]["images"],
            "epsilons": [epsilon],
            "radii": [],
            "intermediate_level": {"epsilon": epsilon, "steps": 0},
        }
        found[name] = _of_model(OF_EVERY_BENCH | settings) | {
            "pretraining": 0,
            "attack": {"digits": OF_EVERY_BENCH["digits"], "part": "train", "sources": 0, "validation": 0},
            "poison": None,
            "bench": "evasion",
            "setting": name,
            "inputs": settings["inputs"],
            "adaptive": configuration["adaptive"] | one_ball,
        }
    return found


def _of_model(settings: Mapping[str, Any]) -> Experiment:
    return {key: settings[key] for key in OF_A_MODEL}
