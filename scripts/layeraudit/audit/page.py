"""The page of an audit, for readers who know their data and nothing of the workflow."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.audit.controls import AFTER, FLAGGED, GROUP
from layeraudit.audit.exports import CLEAN_RULE
from layeraudit.audit.findings import (
    INPUTS,
    SPLIT_OF_PART,
    TRAIN,
    Findings,
    Place,
    count_findings,
    decide,
    decide_labels,
    list_suspects,
    measure_flagged,
)
from layeraudit.audit.shown import (
    N_NEIGHBOURS,
    N_OF_GROUP,
    Neighbours,
    choose_deficient,
    choose_duplicates,
    choose_groups,
    choose_inputs,
    choose_leaks,
    choose_outliers,
    choose_suspects,
    choose_worst,
    find_neighbours,
    find_place,
    find_places,
    name_picture,
)
from layeraudit.audit.significance import count_calibration_rows_to_flag
from layeraudit.pages import MISSING, Cell, Column, Row, Table, figure, render

MOST_CLASSES = 20
"""Classes of the table of given and proposed labels, those with the most suspects."""

DETECTORS = {
    "neighbours_and_probe": "Neighbours and probe",
    "label_disagreement": "Label disagreement, all layers",
    "probe": "Probe",
    "self_confidence": "Self-confidence",
    "outlier_score": "Distance",
    "held_out_deficit": "Held-out deficit",
    "random": "Random",
}
"""How the page calls detectors; those of one layer follow their names."""

OF_LAYER = "label_disagreement_"

IDEAS = {
    "neighbours_and_probe": "It is the mean of two scores: the share of nearest rows with another label, and "
    "what a probe that has not seen the row says against its label.",
    "label_disagreement": "It is the share of nearest rows, over all layers, that have another label.",
}
"""What the detectors do that rank."""

VERDICTS = {
    "as_expected": "as expected",
    "below_expectation": "below what was expected",
    "nothing_expected": "nothing was expected",
    "no_logits": "not measured, since no logits were given",
}

OTHER_FINDINGS = {
    "near_duplicates": ("near duplicate", "near duplicates"),
    "leaked_held_out_rows": ("leak into the held-out rows", "leaks into the held-out rows"),
    "leaked_inputs": ("leak into the inputs", "leaks into the inputs"),
    "outliers_flagged": ("row unlike anything", "rows unlike anything"),
    "groups": ("poison-like group", "poison-like groups"),
}
"""What the page calls one of what is counted, and several."""

SPLITS = {"train": "training row", "calibration": "held-out row", "test": "held-out row", "inputs": "input"}


@dataclass(frozen=True)
class Shown:
    """A row as the page shows it.

    Attributes
    ----------
    name : the user's
    label : its class, empty where it has none
    picture : a file of the page's folder, empty where there is none
    differs : whether its label is another than the one that it is compared with
    """

    name: str
    label: str
    picture: str = ""
    differs: bool = False


@dataclass(frozen=True)
class Around:
    """The nearest training rows of a row in one layer, and how many of all k have another label."""

    layer: str
    nearest: Sequence[Shown]
    n_other: int
    k: int


@dataclass(frozen=True)
class Reader:
    """What turns rows into what is shown of them.

    Attributes
    ----------
    pictures : places whose pictures are in the folder
    """

    findings: Findings
    neighbours: Neighbours
    pictures: Collection[Place]
    labels: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", self.findings.rows["label"].to_numpy(np.int64))

    def show(self, place: Place, label: int, against: int | None = None) -> Shown:
        """Show a row with its label, and compare that with another."""
        return Shown(
            self.findings.name_place(place),
            self.findings.name_class(label),
            name_picture(place) if place in self.pictures else "",
            against is not None and label != against,
        )

    def show_training_row(self, place: Place, against: int | None = None) -> Shown:
        """Show a training row with the label that it was given."""
        return self.show(place, int(self.labels[place.row]), against)

    def look_around(self, place: Place, label: int) -> list[Around]:
        """Show the nearest training rows of a row in each layer, compared with a label."""
        return [
            Around(
                layer,
                [
                    self.show_training_row(near, label)
                    for near in find_neighbours(self.findings, place, of_layer)
                ],
                int((self.labels[of_layer[place.row]] != label).sum()),
                of_layer.shape[1],
            )
            for layer, of_layer in self.neighbours[place.split].items()
        ]


def render_audit(
    findings: Findings, neighbours: Neighbours, pictures: Collection[Place], provenance: Mapping[str, Any]
) -> str:
    """Return the page as HTML, for a folder that holds the tables and the pictures.

    Parameters
    ----------
    pictures : the rows whose pictures are there
    provenance : as `audit.json` has it

    Raises
    ------
    InputError
        Where a setting of the page's template is missing.
    """
    reader = Reader(findings, neighbours, pictures)
    counts = count_findings(findings)
    suspects = list_suspects(findings.rows)
    return render(
        Path(__file__).with_name("page.html.j2"),
        title=f"Audit of {findings.name}",
        runs=[],
        is_small=False,
        date=provenance["date"],
        counts=counts,
        verdict=decide(findings, counts),
        label_verdict=decide_labels(findings, counts),
        others=_list_others(counts),
        to_flag_suspects=count_calibration_rows_to_flag(counts["training_rows"], max(1, counts["suspects"])),
        gate=_describe_gate(findings.gate),
        errors=findings.errors,
        not_held_out=[findings.name_class(label) for label in findings.errors["labels_not_held_out"]],
        can_flag=int(findings.errors["fewest_flaggable"]) <= counts["training_rows"],
        worst=list(_describe_suspects(reader, choose_worst(findings))),
        suspects=list(_describe_suspects(reader, choose_suspects(findings))),
        matrix=_count_classes(reader, suspects),
        duplicates=list(_describe_pairs(reader, choose_duplicates(findings))),
        leaks=list(_describe_pairs(reader, choose_leaks(findings))),
        n_leaks=len(findings.leaks),
        outliers=list(_describe_outliers(reader, choose_outliers(findings))),
        groups=list(_describe_groups(reader)),
        deficient=list(_describe_deficient(reader, choose_deficient(findings))),
        n_of_group=N_OF_GROUP,
        inputs=list(_describe_inputs(reader, choose_inputs(findings))),
        n_inputs=len(findings.inputs),
        disagreeing_inputs=_count_disagreeing(findings.inputs),
        controls=list(_lay_out_controls(findings)),
        flagged_of_planted=_write_flagged(findings),
        found_of_planted=_find_headline(findings),
        detector=name_detector(findings.detector),
        idea=IDEAS.get(findings.detector, ""),
        probe_layer=findings.errors.get("probe_layer"),
        no_probe=findings.errors.get("no_probe"),
        place=_find_place_of_detector(findings),
        n_nearest=N_NEIGHBOURS,
        clean_rule=CLEAN_RULE,
        provenance=provenance,
        has_pictures=bool(pictures),
        missing=MISSING,
    )


def name_detector(name: str) -> str:
    """Return the name of a detector as the page writes it."""
    if name in DETECTORS:
        return DETECTORS[name]
    layer = name.removeprefix(OF_LAYER)
    return name.replace("_", " ") if layer == name else f"Label disagreement, {layer}"


def percent(value: float) -> str:
    """Return a share as a percentage, with a space that does not break."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def percents(value: float, low: float, high: float) -> str:
    """Return a share and its interval as percentages: `96.7 % [88.6, 99.1]`."""
    return percent(value) + ("" if math.isnan(low) else f" [{100 * low:.1f}, {100 * high:.1f}]")


def p_value(p: float) -> str:
    """Return a p-value with two digits."""
    return MISSING if math.isnan(p) else f"{p:.2g}"


def _list_others(counts: Mapping[str, int]) -> list[str]:
    """List what was found beside wrong labels, in words."""
    return [
        f"{counts[name]:,} {words[counts[name] > 1]}"
        for name, words in OTHER_FINDINGS.items()
        if counts[name]
    ]


def _describe_gate(gate: Mapping[str, Any]) -> dict[str, Any]:
    rows = []
    for part, title in (("train", "training rows"), ("held_out", "held-out rows")):
        of = gate["parts"][part]
        measured = of["accuracy"] is not None
        accuracy = percents(of["accuracy"], of["ci95_low"], of["ci95_high"]) if measured else MISSING
        right = f"{of['right']:,} of {of['n']:,}" if measured else f"{of['n']:,} rows"
        rows.append({"title": title, "accuracy": accuracy, "n": right})
    expected = gate["expected_accuracy"]
    return {
        "rows": rows,
        "expected": None if expected is None else percent(expected),
        "majority": percent(gate["majority_share"]),
        "n_classes": gate["n_classes"],
        "verdict": VERDICTS[gate["verdict"]],
        "is_bad": gate["verdict"] == "below_expectation",
    }


def _describe_suspects(reader: Reader, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record, place in zip(rows.to_dict("records"), find_places(TRAIN, rows), strict=True):
        yield {
            "row": reader.show_training_row(place),
            "number": place.row,
            "given": reader.findings.name_class(record["label"]),
            "proposed": reader.findings.name_class(record["proposed"]),
            "agrees": record["proposed"] == record["label"],
            "predicted": reader.findings.name_class(record["predicted"]),
            "rank": record["label_rank"],
            "score": f"{record['label_score']:.3f}",
            "p": p_value(record["label_p"]),
            "flagged": bool(record["label_flagged"]),
            "around": reader.look_around(place, record["label"]),
        }


def _describe_outliers(reader: Reader, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record, place in zip(rows.to_dict("records"), find_places(TRAIN, rows), strict=True):
        yield {
            "row": reader.show_training_row(place),
            "score": f"{record['outlier_score']:.2f}",
            "p": p_value(record["outlier_p"]),
            "flagged": bool(record["outlier_flagged"]),
        }


def _describe_deficient(reader: Reader, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record, place in zip(rows.to_dict("records"), find_places(TRAIN, rows), strict=True):
        yield {"row": reader.show_training_row(place), "deficit": percent(record["held_out_deficit"])}


def _describe_pairs(reader: Reader, pairs: Sequence[tuple[Place, Place, float]]) -> Iterator[dict[str, Any]]:
    for first, second, distance in pairs:
        label = -1 if second.split == INPUTS else int(reader.findings.y[second.source])
        yield {
            "first": reader.show_training_row(first),
            "second": reader.show(second, label, int(reader.labels[first.row]) if label >= 0 else None),
            "what": SPLITS[second.split],
            "distance": f"{distance:.3g}",
        }


def _describe_groups(reader: Reader) -> Iterator[dict[str, Any]]:
    for group, rows in choose_groups(reader.findings):
        yield {
            "label": reader.findings.name_class(int(group["label"])),
            "other": reader.findings.name_class(int(group["other_label"])),
            "n": int(group["n"]),
            "layer": group["layer"],
            "of_label": percent(group["label_share"]),
            "share": percent(group["share"]),
            "held_out": percent(group["held_out_share"]),
            "rows": [reader.show_training_row(place) for place in find_places(TRAIN, rows)],
        }


def _describe_inputs(reader: Reader, inputs: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record in inputs.to_dict("records"):
        place = find_place(SPLIT_OF_PART[record["part"]], record)
        said = record["predicted"] if record["predicted"] >= 0 else record["dknn_label"]
        yield {
            "row": reader.show(place, int(record["label"])),
            "part": SPLITS[place.split],
            "predicted": reader.findings.name_class(int(record["predicted"])),
            "dknn_label": reader.findings.name_class(int(record["dknn_label"])),
            "differs": record["dknn_label"] != said,
            "credibility": f"{record['credibility']:.3f}",
            "confidence": f"{record['confidence']:.3f}",
            "flagged": bool(record["outlier_flagged"]),
            "around": reader.look_around(place, int(said)),
        }


def _count_disagreeing(inputs: pd.DataFrame) -> int | None:
    """Count inputs on which DkNN and the network differ; None without a network."""
    predicted = inputs["predicted"] >= 0
    return int((inputs["predicted"] != inputs["dknn_label"])[predicted].sum()) if predicted.any() else None


def _count_classes(reader: Reader, suspects: pd.DataFrame) -> dict[str, Any]:
    """Count suspects by given and proposed label, for the classes that have the most."""
    disputed = suspects[suspects["proposed"] != suspects["label"]]
    n_classes = len(reader.findings.classes)
    of_class = np.bincount(disputed["label"], minlength=n_classes)
    of_class += np.bincount(disputed["proposed"], minlength=n_classes)
    shown = np.sort(np.argsort(-of_class, kind="stable")[:MOST_CLASSES])
    table = pd.crosstab(disputed["label"], disputed["proposed"]).reindex(
        index=shown, columns=shown, fill_value=0
    )
    largest = max(1, int(table.to_numpy().max(initial=0)))
    return {
        "n": len(disputed),
        "n_shown": int(table.to_numpy().sum()),
        "n_classes": n_classes,
        "classes": [reader.findings.name_class(int(label)) for label in shown],
        "rows": [[{"n": int(n), "share": f"{n / largest:.2f}"} for n in row] for row in table.to_numpy()],
    }


def _order_detectors(controls: pd.DataFrame, first: str) -> list[str]:
    """Return the detectors, the one that ranks first, then by AUROC."""
    auroc = controls[controls["quantity"] == "auroc"].set_index("detector")["value"]
    names = dict.fromkeys(controls["detector"])
    return sorted(names, key=lambda name: (name != first, -auroc.get(name, -1.0)))


def _lay_out_controls(findings: Findings) -> Iterator[dict[str, Any]]:
    """Lay out what was found of each kind of planted error, a row a detector."""
    for control, found in findings.controls.groupby("control", sort=False):
        at_length = found[found["quantity"].isin(["recall", "precision"])]
        lengths = sorted({int(length) for length in at_length["length"]})
        titles = [(quantity, length) for length in lengths for quantity in ("recall", "precision")]
        grouped = found[(found["detector"] == GROUP) & (found["quantity"] == FLAGGED)]
        rows = []
        for detector in _order_detectors(found[found["quantity"] != FLAGGED], findings.detector):
            own = found[found["detector"] == detector]
            auroc = own[own["quantity"] == "auroc"]
            cells = [_cell(auroc)]
            for quantity, length in titles:
                cells.append(_cell(own[(own["quantity"] == quantity) & (own["length"] == length)]))
            mark = "ranks" if detector == findings.detector else ""
            title = name_detector(detector)
            rows.append(Row([Cell(title, title, mark=mark), *cells], is_control=detector == "random"))
        n = int(found["planted"].max())
        near = min(lengths, key=lambda length: abs(length - n), default=0)
        columns = [
            Column("detector", "text", "ascending"),
            Column("AUROC", narrow=False),
            *(
                Column(f"{quantity}, first {length:,}", narrow=length == near and quantity == "recall")
                for quantity, length in titles
            ),
        ]
        name = str(control)
        yield {
            "title": name.replace("_", " ").capitalize(),
            "planted": n,
            "learned": None if found["learned"].isna().all() else int(found["learned"].max()),
            "grouped": next((_write_share(row) for _, row in grouped.iterrows()), None),
            "repeats": int(found["n_repeats"].max()),
            "table": Table(
                name.replace("_", "-"), f"What was found of {name.replace('_', ' ')}", columns, rows
            ),
        }


def _cell(rows: pd.DataFrame) -> Cell:
    if rows.empty:
        return Cell(MISSING)
    value, low, high = (float(rows[column].iloc[0]) for column in ("value", "ci95_low", "ci95_high"))
    return figure(value, low, high, has_bar=True)


def _write_flagged(findings: Findings) -> str | None:
    """Return the share of label errors planted after training that is flagged, with its interval."""
    flagged = measure_flagged(findings)
    return None if flagged is None else _write_share(flagged)


def _write_share(row: pd.Series) -> str:
    return percents(*row[["value", "ci95_low", "ci95_high"]])


def _find_headline(findings: Findings) -> dict[str, Any] | None:
    """Return what the ranking found of the planted errors in about as many rows as were planted."""
    controls = findings.controls
    recall = controls[(controls["detector"] == findings.detector) & (controls["quantity"] == "recall")]
    if recall.empty:
        return None
    nearest = (recall["length"] - recall["planted"]).abs().to_numpy().argmin()
    row = recall.iloc[nearest]
    return {
        "planted": int(row["planted"]),
        "length": int(row["length"]),
        "recall": percents(row["value"], row["ci95_low"], row["ci95_high"]),
        "is_learned": row["control"] != AFTER,
    }


def _find_place_of_detector(findings: Findings) -> dict[str, Any] | None:
    """Return the place of the detector that ranks, by its AUROC on the first kind of planted errors."""
    controls = findings.controls
    auroc = controls[(controls["quantity"] == "auroc") & (controls["detector"] != "random")]
    auroc = auroc[auroc["control"] == (auroc["control"].iloc[0] if len(auroc) else "")]
    own = auroc[auroc["detector"] == findings.detector]
    if own.empty:
        return None
    value, low, high = (float(own[column].iloc[0]) for column in ("value", "ci95_low", "ci95_high"))
    best = auroc.sort_values("value", kind="stable").iloc[-1]
    return {
        "auroc": figure(value, low, high),
        "place": int((auroc["value"] > value).sum()) + 1,
        "of": len(auroc),
        "best": name_detector(str(best["detector"])),
        "best_auroc": f"{best['value']:.3f}",
    }
