"""Titles: what detectors, poisons, inputs and settings are called for a reader, and what they are.

Tables hold the ids of the configuration. Figures and pages print the titles that belong to them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from layeraudit.errors import InputError
from layeraudit.experiments import ADAPTIVE, OTHER_DATA
from layeraudit.plugins import Kind, list_methods, read_constants, read_idea

COLUMNS = ("kind", "id", "method", "variant_of", "title", "idea", "reference", "settings")

DETECTOR, POISON, INPUT = "detector", "poison", "input"
POISON_SETTING, EVASION_SETTING = "poison_setting", "evasion_setting"
"""Kinds of names; no two names of a kind are equal."""


class Description(NamedTuple):
    """What tables, figures and pages print of a method."""

    title: str
    idea: str
    reference: str


OF_RULES = {
    ADAPTIVE: Description(
        "Adaptive",
        "An attack that knows DkNN: it leads an image to the neighbours of another class in every layer.",
        "Sitawarin & Wagner 2019, https://arxiv.org/abs/1903.08333",
    ),
    OTHER_DATA: Description(
        "Other data set", "Images of a data set that the network was not trained on.", ""
    ),
}
"""Methods of inputs that are no plug-ins, since they have rules of their own."""


def describe(kind: Kind, method: str) -> Description:
    """Return what is printed of a method, from its file where it has one."""
    if kind == "attacks" and method in OF_RULES:
        return OF_RULES[method]
    constants = read_constants(kind, method)
    return Description(constants["TITLE"], read_idea(kind, method), constants["REFERENCE"])


def name_in_words(name: str) -> str:
    """Return a configured data set or network as figures write it.

    That is the title of its method where it is named for one, and else its own name, by which alone two of a
    method can be told apart.
    """
    kinds: tuple[Kind, ...] = ("datasets", "networks")
    titles = (read_constants(kind, name)["TITLE"] for kind in kinds if name in list_methods(kind))
    return str(next(titles, name.replace("_", " ")))


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
        n = len(options["pairs"] or ["of all sources"])
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
        description = describe(folder, options["method"])._replace(title=titles[name])
        method = options["method"]
        variant_of = read_constants(folder, method).get("VARIANT_OF", method)
        row = {"kind": kind, "id": name, "method": method, "variant_of": variant_of}
        yield row | description._asdict() | {"settings": _in_words(options)}


def _list_inputs(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    of_settings = {
        title: settings[name].get("inputs", {}) for name, title in _name_settings(settings).items()
    }
    methods = {name: of["method"] for inputs in of_settings.values() for name, of in inputs.items()}
    titles = _make_unique({name: describe("attacks", method).title for name, method in methods.items()})
    for name, method in methods.items():
        description = describe("attacks", method)._replace(title=titles[name])
        row = {"kind": INPUT, "id": name, "method": method, "variant_of": method} | description._asdict()
        words = {title: _in_words(inputs[name]) for title, inputs in of_settings.items() if name in inputs}
        different = ". ".join(f"{title}: {text}" for title, text in words.items())
        yield row | {"settings": different if len({*words.values()}) > 1 else next(iter(words.values()))}


def _list_settings(kind: str, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for name, title in _name_settings(settings).items():
        of = settings[name]
        words = f"{of['train']} training images; epochs {of['epochs']}; batch size {of['batch_size']}; "
        words += f"seeds {', '.join(map(str, of['seeds']))}"
        if before := of.get("pretraining"):
            words += f"; the last layer alone, after training on {before} other images"
        yield dict.fromkeys(COLUMNS, "") | {"kind": kind, "id": name, "title": title, "settings": words}


def _name_settings(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    titles = {name: name_in_words(of["dataset"]) for name, of in settings.items()}
    for name, of in settings.items():
        titles[name] += ", last layer" if of.get("pretraining") else ""
    return _make_unique(titles)


def _make_unique(titles: Mapping[str, str]) -> dict[str, str]:
    counts = Counter(titles.values())
    return {name: title if counts[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def _in_words(options: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{key.replace('_', ' ')} {_spell(value)}"
        for key, value in options.items()
        if key != "method" and value is not None and value != []
    )


def _spell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items())
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
