"""Whether the audits of a configuration can be run."""

from collections.abc import Iterator, Mapping
from typing import Any

from layeraudit.configuration import Problem, find_name, list_labelled, show
from layeraudit.experiments import Experiment
from layeraudit.plugins import list_methods, read_constants

ACTIVATIONS = "activations"
"""The method of data sets that have no images, and need no network."""


def find_problems(
    configuration: Mapping[str, Any], _experiments: Mapping[str, Experiment]
) -> Iterator[Problem]:
    """Find audits of data or networks that there are not, or that do not go together."""
    datasets, networks = configuration["datasets"], configuration["networks"]
    labelled = list_labelled(datasets)
    given = [name for name in list_methods("networks") if not read_constants("networks", name)["LAYERS"]]
    for name, settings in configuration.get("audits", {}).items():
        key, network, inputs = f"audits.{name}", settings["network"], settings["inputs"]
        yield from find_name(settings["dataset"], labelled, f"{key}.dataset", "those of datasets with labels")
        if network is not None:
            yield from find_name(network, networks, f"{key}.network", "null and those of networks")
        if settings["dataset"] not in labelled:
            continue
        has_model = datasets[settings["dataset"]]["method"] != ACTIVATIONS
        if inputs is not None:
            like = [other for other, of in datasets.items() if (of["method"] != ACTIVATIONS) == has_model]
            of_like = f"null and datasets {'of pictures' if has_model else 'whose method is activations'}"
            yield from find_name(inputs, like, f"{key}.inputs", of_like)
        if has_model != (network is not None):
            allowed = (
                "the name of a network" if has_model else f"null, as {settings['dataset']} is activations"
            )
            yield Problem(f"{key}.network is {show(network)}, allowed is {allowed}", (name,))
        elif has_model and network in networks:
            method = networks[network]["method"]
            if method not in given:
                yield Problem(
                    f"{key}.network is {show(network)}, of the method {method}, allowed are networks whose "
                    f"method is {' or '.join(given)}",
                    (name,),
                )
