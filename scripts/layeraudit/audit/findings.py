"""Findings: what an audit has found in a data set, by the names that its user gave rows and classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.audit.controls import AFTER, FLAGGED
from layeraudit.errors import InputError

Verdict = Literal["found", "nothing_found", "cannot_tell"]
"""Whether something was found; `cannot_tell` where the calibration rows are too few to know."""

TRAIN, TEST, INPUTS = "train", "test", "inputs"
"""Splits whose rows have neighbours."""

SPLIT_OF_PART = {"held_out": TEST, "inputs": INPUTS}
"""The split of each part of `inputs.parquet`."""

COLUMNS = {
    "rows.parquet": [
        *("row", "source", "label", "predicted", "proposed"),
        *("label_disagreement", "self_confidence", "probe", "neighbours_and_probe"),
        *("label_score", "label_rank", "label_p", "label_flagged"),
        *("outlier_score", "outlier_rank", "outlier_p", "outlier_flagged"),
        *("duplicate_of", "duplicate_distance", "leak", "group", "held_out_deficit"),
    ],
    "inputs.parquet": [
        *("part", "row", "source", "label", "predicted", "dknn_label", "credibility", "confidence"),
        *("nonconformity", "outlier_score", "outlier_p", "outlier_flagged", "rank"),
    ],
    "groups.csv": [
        *("group", "n", "layer", "label", "label_share", "other_label", "share", "held_out_share"),
    ],
    "leaks.csv": ["split", "row", "source", "training_row", "distance"],
    "controls.csv": [
        *("control", "planted", "learned", "detector", "length", "quantity"),
        *("value", "ci95_low", "ci95_high", "n_repeats"),
    ],
}
"""The columns that an audit reads of each table."""

KEYS = {
    "gate.json": ["n_classes", "majority_share", "expected_accuracy", "verdict", "parts"],
    "errors.json": [
        *("n_rows", "n_calibration", "level", "fewest_flaggable", "calibration_rows_to_flag_one"),
        *("flagged", "at_least_wrong", "outliers_flagged", "outliers_at_least", "ranked_by"),
        *("fewest_in_group", "labels_not_held_out"),
    ],
}
"""The keys that an audit reads of each record."""


class Place(NamedTuple):
    """A row of a split, and its row in the data set that the split was drawn from."""

    split: str
    row: int
    source: int


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes
    ----------
    name : of the audit
    gate, errors : `gate.json` and `errors.json`
    rows, inputs, groups, leaks, controls : tables, with at least `COLUMNS`
    classes : names of the classes
    y, ids : the given label and the user's name of each row of the data set
    input_ids : of each row of the data set that the inputs are from, where there are any

    Raises
    ------
    InputError
        Where a key or a column is missing, or the rows are not in order.
    """

    name: str
    gate: Mapping[str, Any]
    errors: Mapping[str, Any]
    rows: pd.DataFrame
    inputs: pd.DataFrame
    groups: pd.DataFrame
    leaks: pd.DataFrame
    controls: pd.DataFrame
    classes: tuple[str, ...]
    y: NDArray[np.int64]
    ids: NDArray[np.str_]
    input_ids: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))

    def __post_init__(self) -> None:
        for needed in (COLUMNS, KEYS):
            for file, names in needed.items():
                found = getattr(self, file.partition(".")[0])
                if missing := [name for name in names if name not in found]:
                    kind = "column" if needed is COLUMNS else "key"
                    raise InputError(f"{file} lacks the {kind} {missing[0]}, needed are {', '.join(names)}")
        if not np.array_equal(self.rows["row"], np.arange(len(self.rows))):
            raise InputError(
                "the rows of rows.parquet are not 0, 1, ... in order, as those of data/train.npz"
            )

    @property
    def detector(self) -> str:
        """The detector whose score ranks the training rows."""
        return str(self.errors["ranked_by"])

    def name_class(self, label: int) -> str:
        """Return the name of a label; that of -1, which stands for none, is empty."""
        return make_printable(self.classes[label]) if label >= 0 else ""

    def name_classes(self, labels: pd.Series) -> list[str]:
        """Return the names of labels."""
        return [self.name_class(label) for label in labels.tolist()]

    def name_rows(self, sources: pd.Series) -> list[str]:
        """Return the user's names of rows of the data set."""
        return [make_printable(name) for name in self.ids[sources.to_numpy(np.int64)].tolist()]

    def name_place(self, place: Place) -> str:
        """Return the user's name of a row."""
        ids = self.input_ids if place.split == INPUTS else self.ids
        return make_printable(str(ids[place.source]))

    def find_training_row(self, row: int) -> Place:
        """Return the place of a training row."""
        return Place(TRAIN, row, int(self.rows["source"].to_numpy()[row]))


def make_printable(name: str) -> str:
    """Return a name with what UTF-8 cannot hold, such as bytes of a file name, as escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def sort_by_rank(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the training rows, the most suspicious label first."""
    return rows.sort_values("label_rank", kind="stable")


def list_suspects(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are flagged, or whose evidence speaks for another label, by their rank."""
    ranked = sort_by_rank(rows)
    return ranked[ranked["label_flagged"] | (ranked["proposed"] != ranked["label"])]


def find_clean(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are left, bool [n], if the suspects go.

    What goes are rows with a flagged label, flagged outliers, and the rows of groups. Of the near duplicates
    that are left then, the first of each cluster stays. Where nothing can be flagged nothing is.
    """
    left = ~(rows["label_flagged"] | rows["outlier_flagged"] | (rows["group"] >= 0)).to_numpy(bool)
    cluster = rows["row"].where(rows["duplicate_of"] < 0, rows["duplicate_of"])
    left[left] = ~cluster[left].duplicated().to_numpy()
    return left


def count_findings(findings: Findings) -> dict[str, int]:
    """Return what was found in numbers, under names that stay as they are.

    Returns
    -------
    training_rows, held_out_rows, inputs : rows that were looked at
    label_errors_flagged, label_errors_at_least : labels that are wrong, by false discovery rate and by
        closed testing
    suspects, other_label_proposed : rows of `list_suspects`; those whose evidence speaks for another label
    near_duplicates : training rows that repeat an earlier one
    leaked_held_out_rows, leaked_inputs : rows that repeat a training row
    outliers_flagged, outliers_at_least : training rows unlike anything
    groups, rows_in_groups : like poison
    flagged : training rows with a flagged label, or unlike anything
    clean_rows : of `clean.csv`
    """
    rows, leaks, errors = findings.rows, findings.leaks, findings.errors
    leaked = leaks.drop_duplicates(["split", "row"])["split"]
    return {
        "training_rows": len(rows),
        "held_out_rows": int(findings.gate["parts"]["held_out"]["n"]),
        "inputs": int((findings.inputs["part"] == INPUTS).sum()),
        "label_errors_flagged": int(rows["label_flagged"].sum()),
        "label_errors_at_least": int(errors["at_least_wrong"]),
        "suspects": len(list_suspects(rows)),
        "other_label_proposed": int((rows["proposed"] != rows["label"]).sum()),
        "near_duplicates": int(((rows["duplicate_of"] >= 0) & (rows["duplicate_of"] != rows["row"])).sum()),
        "leaked_held_out_rows": int((leaked != INPUTS).sum()),
        "leaked_inputs": int((leaked == INPUTS).sum()),
        "outliers_flagged": int(rows["outlier_flagged"].sum()),
        "outliers_at_least": int(errors["outliers_at_least"]),
        "groups": len(findings.groups),
        "rows_in_groups": int((rows["group"] >= 0).sum()),
        "flagged": int((rows["label_flagged"] | rows["outlier_flagged"]).sum()),
        "clean_rows": int(find_clean(rows).sum()),
    }


MOST_OF_PLANTED = 0.5
"""Of label errors that are planted, the share that has to be flagged, else no flag means nothing."""

OTHERS = ("near_duplicates", "leaked_held_out_rows", "leaked_inputs", "outliers_flagged", "groups")
"""The counts of what may be found beside wrong labels."""


def measure_flagged(findings: Findings) -> pd.Series | None:
    """Return the share of label errors planted after training that is flagged, a row of `controls`.

    None where none were planted.
    """
    controls = findings.controls
    found = controls[(controls["control"] == AFTER) & (controls["quantity"] == FLAGGED)]
    return None if found.empty else found.iloc[0]


def decide_labels(findings: Findings, counts: Mapping[str, int]) -> Verdict:
    """Return the verdict on the labels.

    They are wrong where rows are flagged; closed testing then excludes that none is. Where no row is flagged,
    nothing is found by a test that flags most errors which are planted, or where none was planted could flag
    a single row. Any other test leaves it open: fewer wrong rows than it can flag look to it like none, and
    so do those that calibration rows with wrong labels hide.
    """
    if counts["label_errors_flagged"]:
        return "found"
    flagged = measure_flagged(findings)
    flags_one = int(findings.errors["fewest_flaggable"]) == 1
    flags_most = flags_one if flagged is None else flagged["value"] >= MOST_OF_PLANTED
    return "nothing_found" if flags_most else "cannot_tell"


def decide(findings: Findings, counts: Mapping[str, int]) -> Verdict:
    """Return the verdict on everything that was looked for."""
    return "found" if any(counts[name] for name in OTHERS) else decide_labels(findings, counts)
