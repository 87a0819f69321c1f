"""Judge the training rows of an audit: labels, outliers, duplicates, leaks, and groups as poison makes them.

Writes `rows`, a row a training row in the order of the split; `groups`; `leaks`, held-out rows and inputs
that are near duplicates of training rows; `errors`, how many rows can be flagged, are, and are wrong at
least; `probe`, the fits of the probe; and `calibration_scores`, float64 [m] `scores` of the calibration
rows by the detector that ranks.
"""

import json

import numpy as np
import pandas as pd

from layeraudit.audit.groups import count_fewest_in_group, find_groups, measure_deficits
from layeraudit.audit.outliers import Metric, measure_to_last
from layeraudit.audit.probe import choose_layer, find_hindrance, fit_probe, write_probe
from layeraudit.audit.rows import (
    BOTH,
    NEIGHBOURS,
    count_errors,
    judge_duplicates,
    judge_labels,
    judge_outliers,
    number_groups,
    tabulate_groups,
)
from layeraudit.cli import Input, Output, run
from layeraudit.evidence import Files, read_evidence
from layeraudit.files import atomic_write, read_split, write_arrays, write_json
from layeraudit.tables import write_table


def judge_rows(
    *,
    gate: Input,
    train: Input,
    train_layers: Input,
    train_logits: Input,
    train_neighbours: Input,
    calibration: Input,
    calibration_layers: Input,
    calibration_logits: Input,
    calibration_neighbours: Input,
    test: Input,
    test_layers: Input,
    test_logits: Input,
    test_neighbours: Input,
    inputs: Input | None = None,
    inputs_layers: Input | None = None,
    inputs_logits: Input | None = None,
    inputs_neighbours: Input | None = None,
    rows: Output,
    groups: Output,
    leaks: Output,
    errors: Output,
    probe: Output,
    calibration_scores: Output,
    metric: Metric,
    seed: int,
) -> None:
    """Write the tables.

    gate : what `check_accuracy` wrote
    inputs : what the network is to judge beside the held-out rows, if there is something
    metric : of the search for neighbours
    seed : draws the folds of the probe
    """
    judged = json.loads(gate.read_text())
    n_classes = judged["n_classes"]
    files = {
        "train": Files(train, train_layers, train_logits, train_neighbours),
        "calibration": Files(calibration, calibration_layers, calibration_logits, calibration_neighbours),
        "test": Files(test, test_layers, test_logits, test_neighbours),
    }
    if inputs and inputs_layers and inputs_logits:
        files["inputs"] = Files(inputs, inputs_layers, inputs_logits, inputs_neighbours)
    training, *of_others = map(read_evidence, files.values())
    others = dict(zip(list(files)[1:], of_others, strict=True))
    held_out = ["calibration", "test"]

    layer = choose_layer(training)
    hindrance = find_hindrance(training.y, n_classes=n_classes)
    fitted = None if hindrance else fit_probe(training, layer, n_classes=n_classes, seed=seed)
    write_probe(probe, fitted)

    of_labels, label_p, scores = judge_labels(
        training,
        others["calibration"],
        fitted,
        n_classes=n_classes,
        has_logits=judged["verdict"] != "no_logits",
    )
    write_arrays(calibration_scores, scores=scores)
    distances = measure_to_last(others["calibration"], training, metric=metric)
    of_outliers, outlier_p = judge_outliers(training, distances, training, metric=metric)
    of_duplicates, leaking = judge_duplicates(training, others, held_out=held_out, metric=metric)
    deficits = measure_deficits(training, others["calibration"])
    found = find_groups(training, others["test"], deficits)

    table = pd.DataFrame(
        {
            "row": np.arange(len(training)),
            "source": read_split(train).source,
            "label": training.y,
            **of_labels,
            **of_outliers,
            **of_duplicates,
            "group": number_groups(found, len(training)),
            "held_out_deficit": np.max([*deficits.values()], axis=0),
        }
    )
    with atomic_write(rows) as temporary:
        table.to_parquet(temporary, index=False)
    write_table(groups, tabulate_groups(found))
    sources = {name: read_split(files[name].split).source for name in others}
    source = [sources[split][row] for split, row in zip(leaking["split"], leaking["row"], strict=True)]
    leaking.insert(2, "source", np.array(source, np.int64))
    write_table(leaks, leaking)
    counted = count_errors(label_p, outlier_p, n_calibration=len(others["calibration"]))
    how = {
        "ranked_by": BOTH if fitted else NEIGHBOURS,
        "probe_layer": layer if fitted else None,
        "probe_rows": fitted.fitted if fitted else 0,
        "no_probe": hindrance,
        "labels_not_held_out": np.setdiff1d(
            training.y, np.concatenate([others[name].y for name in held_out])
        ).tolist(),
        "fewest_in_group": count_fewest_in_group(len(training), len(others["test"])),
    }
    write_json(errors, counted | how)
    print(counted | how)


if __name__ == "__main__":
    run(judge_rows)
