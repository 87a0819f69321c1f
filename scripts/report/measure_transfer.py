"""Measure how often attacks on one network fool others, and which layer ILA would choose on its source.

See `layeraudit.report.transfer` for the columns.
"""

import pandas as pd

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_arrays, read_split
from layeraudit.report import transfer
from layeraudit.report.measures import write_measures
from layeraudit.tables import read_records, write_table


def measure_transfer(
    *,
    attack_sets: list[Input],
    records: list[Input],
    predictions: list[Input],
    disturbances: list[Input],
    measures: Output,
    layers: Output,
    run: str,
) -> None:
    """Write the measures of every seed, and the chosen layers.

    attack_sets : the images that are attacked, for each run and source
    records : of the attacks, in the same order as all others
    predictions : of the networks
    disturbances : of the source's layers
    """
    of_layers = pd.concat(read_records(disturbances), ignore_index=True)
    measured = []
    for images, record, path in zip(attack_sets, read_records(records), predictions, strict=True):
        names, *labels = read_arrays(path, "names", "labels", "binarised")
        of_networks = (dict(zip(names, of_kind, strict=True)) for of_kind in labels)
        y = read_split(images).y_true[record["image"]]
        measured.append(transfer.measure_success(record, y, *of_networks))
    write_measures(measures, transfer.measure_transfer(measured, of_layers))
    write_table(layers, transfer.choose_layers(of_layers), run)


if __name__ == "__main__":
    run(measure_transfer)
