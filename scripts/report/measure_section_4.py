"""Measure what section 4 of the report asks: credibility of larger sets of poison, depth, and removal.

See `layeraudit.report.section_4` for the columns.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.report.measures import write_measures
from layeraudit.report.section_4 import gather_points, measure_poison, measure_removal
from layeraudit.tables import read_parquet, read_records


def measure_section_4(
    *,
    scores: list[Input],
    trained: list[Input],
    retrained: list[Input],
    poison: Output,
    removal: Output,
    settings: list[str],
    poisons: list[str],
    seeds: list[int],
    secml: list[str],
    layers: list[str],
    k: int,
) -> None:
    """Write the measures of every seed.

    scores : of the training rows, of every run of the poison bench that has poison
    trained : tables, an experiment each
    retrained : tables, an experiment and a detector each
    settings : of each file of scores, as poisons and seeds are
    secml : the poisons that secml makes
    layers : from input to output
    """
    points = gather_points(
        map(read_parquet, scores), settings=settings, poisons=poisons, seeds=seeds, layers=layers
    )
    write_measures(poison, measure_poison(points, layers, k))
    write_measures(removal, measure_removal(read_records(trained), read_records(retrained), secml))


if __name__ == "__main__":
    run(measure_section_4)
