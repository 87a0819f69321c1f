"""Tabulate what section 4 of the report asks: credibility of larger sets of poison, depth, and removal.

Writes a table of the credibility of poison, one of poison among the neighbours by layer, one of networks
before and after suspects are removed, and the report's questions with their tests. See
`layeraudit.report.section_4` for the columns.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.report.section_4 import (
    describe_poison,
    gather_points,
    make_claims,
    measure_changes,
    measure_credibility,
    measure_depth,
    measure_removal,
    tabulate_credibility,
    tabulate_depth,
    tabulate_removal,
)
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_records, read_scores, write_table


def tabulate_section_4(
    *,
    scores: list[Input],
    trained: list[Input],
    retrained: list[Input],
    credibility: Output,
    depth: Output,
    removal: Output,
    claims: Output,
    settings: list[str],
    poisons: list[str],
    seeds: list[int],
    secml: list[str],
    layers: list[str],
    k: int,
    run: str,
) -> None:
    """Write the tables and the claims.

    scores : of the training rows, of every run of the poison bench that has poison
    trained : tables, an experiment each
    retrained : tables, an experiment and a detector each
    settings : of each file of scores, as poisons and seeds are
    secml : the poisons that secml makes
    layers : from input to output
    """
    points = gather_points(
        read_scores(scores), settings=settings, poisons=poisons, seeds=seeds, layers=layers
    )
    described = describe_poison(points)
    by_run = measure_credibility(points)
    changes = measure_changes(by_run, described, secml)
    by_layer = measure_depth(points, layers, k)
    removed = measure_removal(read_records(trained), read_records(retrained), secml)

    write_table(credibility, tabulate_credibility(by_run, changes, described), run)
    write_table(depth, tabulate_depth(by_layer), run)
    write_table(removal, tabulate_removal(removed), run)
    made = make_claims(points, by_run, changes, by_layer, removed, layers=layers, secml=secml)
    write_table(claims, tabulate_claims(made), run)


if __name__ == "__main__":
    run(tabulate_section_4)
