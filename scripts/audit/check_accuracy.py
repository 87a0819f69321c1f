"""Check that a given network is right as often as it should be, before its data are audited.

Writes what `layeraudit.audit.gate.judge_accuracy` returns, as JSON. Near chance it ends in a sentence that
says what to look at. Prints how many wrong rows the calibration rows allow to be flagged, while more of them
can still be held out.
"""

import numpy as np

from layeraudit.audit.gate import HELD_OUT, TRAIN, judge_accuracy
from layeraudit.audit.significance import count_fewest_flaggable
from layeraudit.cli import Input, Output, run
from layeraudit.files import open_logits, read_split, write_json


def check_accuracy(
    *,
    train: Input,
    calibration: Input,
    test: Input,
    train_logits: Input,
    calibration_logits: Input,
    test_logits: Input,
    output: Output,
    expected_accuracy: float | None,
    trained_by: str | None = None,
) -> None:
    """Write the accuracies and the verdict.

    calibration, test : held-out rows
    expected_accuracy : on held-out rows; null expects nothing
    trained_by : the user's function that has trained the network again, with planted errors
    """
    splits = [read_split(path) for path in (train, calibration, test)]
    paths = (train_logits, calibration_logits, test_logits)
    logits = [open_logits(path, rows=len(split)) for path, split in zip(paths, splits, strict=True)]
    judged = judge_accuracy(
        {TRAIN: splits[0].y, HELD_OUT: np.concatenate([split.y for split in splits[1:]])},
        {TRAIN: logits[:1], HELD_OUT: logits[1:]},
        n_classes=splits[0].n_classes,
        expected_accuracy=expected_accuracy,
        trained_by=trained_by,
    )
    write_json(output, judged)
    print(judged)
    n, n_calibration = len(splits[0]), len(splits[1])
    fewest = count_fewest_flaggable(n, n_calibration)
    limit = f"fewer than {fewest} wrong rows cannot be" if fewest <= n else "no row can be"
    print(f"with {n_calibration} calibration rows, {limit} flagged, of {n} training rows")


if __name__ == "__main__":
    run(check_accuracy)
