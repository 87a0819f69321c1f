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


def plot_table1(*, tables: list[Input], svg: Output, png: Output, trainings: dict[str, Any], k: int) -> None:
    """Write the figure of Table 1.

    tables : a training each
    trainings : of each, in their order, `train`, `poison_settings`, `epochs` and `batch_size`
    """
    shares = read_records(tables)
    titles, base_rates = [], []
    for of in trainings.values():
        points = of["poison_settings"]["points"]
        kind = "poison points" if of["poison_settings"]["radius"] else "flipped labels"
        trained = f"{of['epochs']} epochs of {of['batch_size']}"
        titles.append(f"{of['train']:,} clean rows, {points} {kind}, {trained}")
        base_rates.append(compute_base_rate(of["train"], points))
    figure = plot_poisoned_neighbours(shares, titles=titles, k=k, base_rates=base_rates)
    save(figure, list_runs(shares), [svg, png])


if __name__ == "__main__":
    run(plot_table1)
