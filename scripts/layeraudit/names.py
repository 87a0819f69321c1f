"""Names: what detectors, poisons, inputs and settings are called for a reader, and what they are.

Tables hold the ids of the configuration. Figures and pages print the titles that belong to them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from layeraudit.errors import InputError
from layeraudit.plugins import Kind, read_constants, read_idea

COLUMNS = ("kind", "id", "method", "title", "idea", "reference", "settings")

DETECTOR, POISON, INPUT = "detector", "poison", "input"
POISON_SETTING, EVASION_SETTING = "poison_setting", "evasion_setting"
"""Kinds of names; no two names of a kind are equal."""

DATASETS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}


class Input(NamedTuple):
    """What a kind of input of the evasion bench is."""

    title: str
    idea: str
    reference: str = ""


INPUTS = {
    "fgsm": Input(
        "FGSM",
        "One step along the sign of the gradient, within an L-infinity ball.",
        "Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572",
    ),
    "bim": Input(
        "BIM",
        "Many small steps along the sign of the gradient, within an L-infinity ball.",
        "Kurakin et al. 2017, https://arxiv.org/abs/1607.02533",
    ),
    "cw": Input(
        "CW",
        "The smallest change in L2 that is found to make the network err.",
        "Carlini & Wagner 2017, https://arxiv.org/abs/1608.04644",
    ),
    "ila": Input(
        "ILA",
        "A finished attack, pushed further in a hidden layer, within an L-infinity ball.",
        "Huang et al. 2019, https://arxiv.org/abs/1907.10823",
    ),
    "adaptive": Input(
        "Adaptive",
        "An attack that knows DkNN: it leads an image to the neighbours of another class in every layer.",
        "Sitawarin & Wagner 2019, https://arxiv.org/abs/1903.08333",
    ),
    "rotated": Input("Rotated", "Held-out images, rotated."),
    "other_data": Input("Other data set", "Images of a data set that the network was not trained on."),
}


def list_names(
    detectors: Mapping[str, Any],
    poisons: Mapping[str, Any],
    benches: Mapping[str, Any],
    layers: Sequence[str],
) -> pd.DataFrame:
    """List the names of a configuration, of which `detectors`, `poisons` and `benches` are keys.

    Parameters
    ----------
    layers : all layers that the workflow looks at

    Returns
    -------
    A row for each detector, poison and input, and each setting of a bench: `COLUMNS`
    """
    poison, evasion = (benches[bench]["settings"] for bench in ("poison", "evasion"))
    used = {name for settings in poison.values() for name in settings["poisons"]}
    rows = [
        *_list_methods(DETECTOR, "detectors", detectors, layers),
        *_list_methods(POISON, "poisons", {name: poisons[name] for name in poisons if name in used}, layers),
        *_list_inputs(evasion),
        *_list_settings(POISON_SETTING, poison),
        *_list_settings(EVASION_SETTING, evasion),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def name_method(kind: Kind, configured: Mapping[str, Any], layers: Sequence[str]) -> str:
    """Return the display name of a configured method: its title, then the options that tell its uses apart.

    Parameters
    ----------
    configured : `method` and its options, as the configuration has them
    layers : all layers that the workflow looks at
    """
    qualify = _qualify_detector(configured, layers) if kind == "detectors" else _qualify_poison(configured)
    return ", ".join([read_constants(kind, configured["method"])["TITLE"], *qualify])


def _qualify_detector(options: Mapping[str, Any], layers: Sequence[str]) -> Iterator[str]:
    if "layers" in options:
        yield "all layers" if list(options["layers"]) == list(layers) else ", ".join(options["layers"])
    yield from (str(options[name]) for name in ("layer", "mode") if name in options)


def _qualify_poison(options: Mapping[str, Any]) -> Iterator[str]:
    if "pairs" in options:
        n = len(options["pairs"])
        yield f"{n} pair{'' if n == 1 else 's'} of {options['points']}"
    if "source" in options:
        is_random = options["source"] is None
        yield "random" if is_random else f"{options['source']} to {options['target']}"
    elif "target" in options and options["target"] is None:
        yield "all to all"
    if "rate" in options:
        yield f"{100 * options['rate']:g} %"


def _list_methods(
    kind: str, folder: Kind, configured: Mapping[str, Mapping[str, Any]], layers: Sequence[str]
) -> Iterator[dict[str, str]]:
    titles = _make_unique({name: name_method(folder, of, layers) for name, of in configured.items()})
    for name, options in configured.items():
        method = options["method"]
        yield {
            "kind": kind,
            "id": name,
            "method": method,
            "title": titles[name],
            "idea": read_idea(folder, method),
            "reference": read_constants(folder, method)["REFERENCE"],
            "settings": _in_words({key: value for key, value in options.items() if key != "method"}),
        }


def _list_inputs(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    titles = _name_settings(settings)
    for name in dict.fromkeys(name for of in settings.values() for name in of["inputs"]):
        words = {titles[setting]: _in_words(of["inputs"][name]) for setting, of in settings.items()}
        different = ". ".join(f"{title}: {text}" for title, text in words.items())
        yield {
            "kind": INPUT,
            "id": name,
            "method": name,
            **INPUTS[name]._asdict(),
            "settings": different if len({*words.values()}) > 1 else next(iter(words.values())),
        }


def _list_settings(kind: str, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for name, title in _name_settings(settings).items():
        of = settings[name]
        words = f"{of['train']} training images; epochs {of['epochs']}; batch size {of['batch_size']}; "
        words += f"seeds {', '.join(map(str, of['seeds']))}"
        if before := of.get("pretraining"):
            words += f"; the last layer alone, after training on {before} other images"
        yield dict.fromkeys(COLUMNS, "") | {"kind": kind, "id": name, "title": title, "settings": words}


def _name_settings(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    last_layer = {name: ", last layer" if of.get("pretraining") else "" for name, of in settings.items()}
    return _make_unique({name: DATASETS[of["dataset"]] + last_layer[name] for name, of in settings.items()})


def _make_unique(titles: Mapping[str, str]) -> dict[str, str]:
    counts = Counter(titles.values())
    return {name: title if counts[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def _in_words(options: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{key.replace('_', ' ')} {_spell(value)}" for key, value in options.items() if value is not None
    )


def _spell(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return ", ".join("/".join(map(str, part)) if isinstance(part, list) else str(part) for part in value)


def find_titles(names: pd.DataFrame, kind: str, ids: Collection[str]) -> dict[str, str]:
    """Return the title of each id, in the order of the ids.

    Parameters
    ----------
    names : as `list_names` makes it
    kind : `detector`, `poison`, `input`, `poison_setting` or `evasion_setting`

    Raises
    ------
    InputError
        Where an id has none.
    """
    of_kind = names[names["kind"] == kind]
    titles = dict(zip(of_kind["id"], of_kind["title"], strict=True))
    if missing := [name for name in ids if name not in titles]:
        raise InputError(f"{missing[0]!r} is no {kind} of names.csv, which has {', '.join(titles)}")
    return {name: titles[name] for name in ids}
