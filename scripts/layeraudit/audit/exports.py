"""What an audit leaves for other programs: tables by the user's own names, and a summary with stable keys."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.audit.controls import WHOLE
from layeraudit.audit.findings import (
    INPUTS,
    TRAIN,
    Findings,
    count_findings,
    decide,
    decide_labels,
    find_clean,
    sort_by_rank,
)
from layeraudit.audit.shown import (
    Neighbours,
    choose_worst,
    find_input_places,
    find_neighbours,
    find_place,
)
from layeraudit.audit.summary import FORMAT

CLEAN_RULE = (
    "Removed are rows with a flagged label, rows flagged as unlike anything, and the rows of groups. Of near "
    "duplicates the first that is left stays. Where no row can be flagged, none is."
)


def tabulate_rows(findings: Findings) -> pd.DataFrame:
    """Return a row for each training row, by its name, the most suspicious label first."""
    rows = sort_by_rank(findings.rows)
    names = pd.Series(findings.name_rows(findings.rows["source"]))
    later = rows["duplicate_of"].where(rows["duplicate_of"] != rows["row"], -1)
    named = {
        "id": names[rows["row"]].to_numpy(),
        **{column: findings.name_classes(rows[column]) for column in ("label", "proposed", "predicted")},
    }
    replaced = {
        "duplicate_of": later.map(lambda row: names[row] if row >= 0 else ""),
        "group": rows["group"].astype("Int64").where(rows["group"] >= 0),
    }
    others = rows.drop(columns=[*named, "row", "source"], errors="ignore").assign(**replaced)
    return pd.concat([pd.DataFrame(named, index=rows.index), others, rows["row"]], axis=1)


def tabulate_inputs(findings: Findings) -> pd.DataFrame:
    """Return a row for each input that was judged, by its name, the least credible first."""
    inputs = findings.inputs.sort_values("rank", kind="stable")
    named = {
        "id": [findings.name_place(place) for place in find_input_places(inputs)],
        "part": inputs["part"],
        **{column: findings.name_classes(inputs[column]) for column in ("label", "predicted", "dknn_label")},
    }
    others = inputs.drop(columns=[*named, "row", "source"], errors="ignore")
    return pd.concat([pd.DataFrame(named, index=inputs.index), others, inputs["row"]], axis=1)


def tabulate_leaks(findings: Findings) -> pd.DataFrame:
    """Return each row elsewhere with the training row that it repeats, by their names, the nearest first."""
    leaks = findings.leaks.sort_values("distance", kind="stable")
    records = leaks.to_dict("records")
    originals = [findings.find_training_row(int(record["training_row"])) for record in records]
    return pd.DataFrame(
        {
            "id": [findings.name_place(find_place(record["split"], record)) for record in records],
            "part": ["inputs" if record["split"] == INPUTS else "held_out" for record in records],
            "training_id": [findings.name_place(original) for original in originals],
            "distance": leaks["distance"].to_numpy(),
        }
    )


def tabulate_clean(findings: Findings) -> pd.DataFrame:
    """Return the rows that are left if the suspects go, in the order of the data set: `id` and `label`."""
    left = findings.rows[find_clean(findings.rows)].sort_values("source", kind="stable")
    return pd.DataFrame(
        {"id": findings.name_rows(left["source"]), "label": findings.name_classes(left["label"])}
    )


def tabulate_cleanlab(findings: Findings) -> pd.DataFrame:
    """Return issues as cleanlab's Datalab names them, in the order of the data set; lower scores are worse.

    Scores lie in [0, 1]. That of a label is 1 - ours. That of an outlier is 1 / (1 + ours), so that 0.5 is
    usual. That of a near duplicate is d / (1 + d) of its distance d, and 1 where there is none; the first row
    of a cluster is an issue too.
    """
    rows = findings.rows.sort_values("source", kind="stable")
    pairs = rows[rows["duplicate_of"] >= 0]
    nearest = pd.concat([pairs.set_index(column)["duplicate_distance"] for column in ("row", "duplicate_of")])
    distance = rows["row"].map(nearest.fillna(0).groupby(level=0).min()).fillna(np.inf)
    return pd.DataFrame(
        {
            "id": findings.name_rows(rows["source"]),
            "is_label_issue": rows["label_flagged"].to_numpy(),
            "label_score": (1 - rows["label_score"]).clip(0, 1).to_numpy(),
            "is_outlier_issue": rows["outlier_flagged"].to_numpy(),
            "outlier_score": (1 / (1 + rows["outlier_score"].clip(lower=0))).to_numpy(),
            "is_near_duplicate_issue": np.isfinite(distance).to_numpy(),
            "near_duplicate_score": (1 - 1 / (1 + distance.clip(lower=0))).to_numpy(),
        }
    )


def summarise(findings: Findings, neighbours: Neighbours, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary for machines, with what is not a number as None."""
    counts = count_findings(findings)
    summary = {
        "format": FORMAT,
        "name": findings.name,
        "verdict": decide(findings, counts),
        "label_verdict": decide_labels(findings, counts),
        "gate": findings.gate,
        "counts": counts,
        "errors": findings.errors,
        "controls": findings.controls.astype(WHOLE).to_dict("records"),
        "groups": findings.groups.assign(
            label=findings.name_classes(findings.groups["label"]),
            other_label=findings.name_classes(findings.groups["other_label"]),
        ).to_dict("records"),
        "worst": list_worst(findings, neighbours),
        "clean_rule": CLEAN_RULE,
        "provenance": provenance,
    }
    plain: dict[str, Any] = _make_plain(summary)
    return plain


def list_worst(findings: Findings, neighbours: Neighbours) -> list[dict[str, Any]]:
    """Return the worst rows with the names of their nearest training rows in each layer."""
    worst = choose_worst(findings)
    return [
        {
            "id": findings.name_place(place),
            "row": place.row,
            **{
                key: findings.name_classes(worst.loc[[index], key])[0]
                for key in ("label", "proposed", "predicted")
            },
            "score": record["label_score"],
            "rank": record["label_rank"],
            "p": record["label_p"],
            "flagged": record["label_flagged"],
            "neighbours": {
                layer: [findings.name_place(near) for near in find_neighbours(findings, place, of_layer)]
                for layer, of_layer in neighbours[TRAIN].items()
            },
        }
        for index, record in zip(worst.index, worst.to_dict("records"), strict=True)
        for place in [find_place(TRAIN, record)]
    ]


def _make_plain(value: Any) -> Any:
    """Return a value in the types of JSON."""
    if isinstance(value, Mapping):
        return {str(key): _make_plain(of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [_make_plain(of) for of in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
