"""Measure the results of the paper on Deep k-nearest neighbours on MNIST.

See `layeraudit.report.dknn_mnist` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_calibration
from layeraudit.report.dknn_mnist import measure_inputs, measure_reliability, measure_validity
from layeraudit.report.measures import write_measures
from layeraudit.tables import read_parquet


def measure_dknn_mnist(
    *,
    test: list[Input],
    fgsm: list[Input],
    bim: list[Input],
    cw: list[Input],
    rotated: list[Input],
    other_data: list[Input],
    calibration: list[Input],
    inputs: Output,
    reliability: Output,
    validity: Output,
    seeds: list[int],
    k: int,
) -> None:
    """Write accuracy and credibility of each kind of input, reliability, and validity of the p-values.

    test : scores of held-out images, a file a seed; those of other inputs likewise
    """
    files = {
        "test": test,
        "fgsm": fgsm,
        "bim": bim,
        "cw": cw,
        "rotated": rotated,
        "fashion_mnist": other_data,
    }
    measured: dict[Output, list[pd.DataFrame]] = {inputs: [], reliability: [], validity: []}
    for seed, calibrated, *paths in zip(seeds, calibration, *files.values(), strict=True):
        scores = {name: read_parquet(path) for name, path in zip(files, paths, strict=True)}
        nonconformity, _ = read_calibration(calibrated)
        for path, of_seed in {
            inputs: measure_inputs(scores, nonconformity),
            reliability: measure_reliability(scores, nonconformity),
            validity: measure_validity(scores["test"], nonconformity, k),
        }.items():
            measured[path].append(of_seed.assign(seed=seed))
    for path, parts in measured.items():
        write_measures(path, pd.concat(parts))


if __name__ == "__main__":
    run(measure_dknn_mnist)
