"""Plot Table 1: share of poison among the neighbours by layer and group, the report's figures beside ours.

A panel a training.
"""

from typing import Any

from layeraudit.cli import Input, Output, run
from layeraudit.figures import save
from layeraudit.provenance import list_runs
from layeraudit.report.experiment_2_2 import compute_base_rate
from layeraudit.report.figures.experiment_2_2 import plot_poisoned_neighbours
from layeraudit.tables import read_records

KINDS = {"secml": "poison points", "label_flips": "flipped labels"}


def plot_table1(*, tables: list[Input], svg: Output, png: Output, trainings: dict[str, Any], k: int) -> None:
    """Write the figure of Table 1.

    tables : a training each
    trainings : of each, in their order, `train`, `poison`, `poison_kind`, `epochs` and `batch_size`
    """
    shares = read_records(tables)
    figure = plot_poisoned_neighbours(
        shares,
        titles=[
            f"{of['train']:,} clean rows, {of['poison']} {KINDS[of['poison_kind']]}, "
            f"{of['epochs']} epochs of {of['batch_size']}"
            for of in trainings.values()
        ],
        k=k,
        base_rates=[compute_base_rate(of) for of in trainings.values()],
    )
    save(figure, list_runs(shares), [svg, png])


if __name__ == "__main__":
    run(plot_table1)
