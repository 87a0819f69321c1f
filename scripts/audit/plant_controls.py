"""Plant known label errors in the training rows, and measure how many of them the audit finds.

Writes the table of `layeraudit.audit.controls.plant_flips`.
"""

import json

import numpy as np

from layeraudit.audit.controls import plant_flips
from layeraudit.audit.probe import read_probe
from layeraudit.cli import Input, Output, run
from layeraudit.evidence import Files, read_evidence
from layeraudit.files import read_arrays
from layeraudit.tables import read_parquet, write_table


def plant_controls(
    *,
    train: Input,
    train_layers: Input,
    train_logits: Input,
    train_neighbours: Input,
    rows: Input,
    errors: Input,
    probe: Input,
    calibration_scores: Input,
    table: Output,
    seed: int,
) -> None:
    """Write recall, precision and AUROC of each detector, and how many planted errors are flagged.

    rows, errors, probe, calibration_scores : what `judge_rows` wrote
    """
    (scores,) = read_arrays(calibration_scores, "scores")
    training = read_evidence(Files(train, train_layers, train_logits, train_neighbours))
    judged = read_parquet(rows)
    self_confidence = judged["self_confidence"].to_numpy(np.float64)
    found = plant_flips(
        training,
        ranking=json.loads(errors.read_text())["ranked_by"],
        calibration_scores=scores.astype(np.float64),
        self_confidence=None if np.isnan(self_confidence).all() else self_confidence,
        probe=read_probe(probe),
        of_probe=judged["probe"].to_numpy(np.float64),
        seed=seed,
    )
    write_table(table, found)


if __name__ == "__main__":
    run(plant_controls)
