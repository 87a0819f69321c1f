"""Judge what a network says of held-out rows and of inputs: how credible it is, and how far they lie.

Writes a row an input, held-out rows first: `part` (held_out, inputs), `row`, `source`, `label` (given; -1 of
inputs), `predicted` (-1 without logits), `dknn_label`, `credibility`, `confidence`, `nonconformity`,
`outlier_score`, `outlier_p`, `outlier_flagged`, and `rank`, the least credible first.
"""

import json

import numpy as np
import pandas as pd

from layeraudit.audit.outliers import Metric, measure_to_last
from layeraudit.audit.rows import judge_outliers, rank_inputs
from layeraudit.cli import Input, Output, run
from layeraudit.evidence import Files, read_evidence
from layeraudit.files import atomic_write, read_split
from layeraudit.tables import read_parquet


def judge_inputs(
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
    test_scores: Input,
    inputs: Input | None = None,
    inputs_layers: Input | None = None,
    inputs_logits: Input | None = None,
    inputs_neighbours: Input | None = None,
    inputs_scores: Input | None = None,
    table: Output,
    metric: Metric,
) -> None:
    """Write the table.

    gate : what `check_accuracy` wrote
    test : the held-out rows that do not calibrate
    inputs : what the network is to judge beside them, if there is something
    metric : of the search for neighbours
    """
    has_logits = json.loads(gate.read_text())["verdict"] != "no_logits"
    training = read_evidence(Files(train, train_layers, train_logits, train_neighbours))
    calibrating = read_evidence(
        Files(calibration, calibration_layers, calibration_logits, calibration_neighbours)
    )
    distances = measure_to_last(calibrating, training, metric=metric)
    parts = [("held_out", Files(test, test_layers, test_logits, test_neighbours), test_scores)]
    if inputs and inputs_layers and inputs_logits and inputs_scores:
        parts.append(
            ("inputs", Files(inputs, inputs_layers, inputs_logits, inputs_neighbours), inputs_scores)
        )
    judged = []
    for part, files, path in parts:
        split, scores = read_split(files.split), read_parquet(path)
        of_outliers, _ = judge_outliers(read_evidence(files), distances, training, metric=metric)
        judged.append(
            pd.DataFrame(
                {
                    "part": part,
                    "row": np.arange(len(split)),
                    "source": split.source,
                    "label": split.y if part == "held_out" else -1,
                    "predicted": scores["dnn_label"] if has_logits else -1,
                    **scores[["dknn_label", "credibility", "confidence", "nonconformity"]],
                    **{name: of for name, of in of_outliers.items() if name != "outlier_rank"},
                }
            )
        )
    found = pd.concat(judged, ignore_index=True)
    found["rank"] = rank_inputs(found["credibility"].to_numpy(), found["outlier_score"].to_numpy())
    with atomic_write(table) as temporary:
        found.to_parquet(temporary, index=False)
    print(found.nsmallest(10, "rank").to_string(index=False))


if __name__ == "__main__":
    run(judge_inputs)
