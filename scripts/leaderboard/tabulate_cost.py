"""Tabulate what the detectors of both benches, and the steps that they share, cost in time and memory.

Writes the table of `layeraudit.leaderboard.benches.summarize_costs`.
"""

from layeraudit.cli import Input, Output, run
from layeraudit.leaderboard.benches import EVASION, POISON, read_shared_costs, summarize_costs
from layeraudit.tables import read_records, write_table


def tabulate_cost(
    *,
    poison: list[Input],
    evasion: list[Input],
    capture_poison: list[Input],
    capture_evasion: list[Input],
    search_poison: list[Input],
    search_evasion: list[Input],
    table: Output,
    run: str,
) -> None:
    """Write the costs of detectors, of the capture of activations and of the search for neighbours.

    poison : costs in the poison bench, a file an experiment and detector
    evasion : the same of the evasion bench
    capture_poison : Snakemake's benchmarks of the jobs that capture activations, of all runs
    search_poison : the same of those that search neighbours
    run : settings of the run, which the table names
    """
    costs = []
    for bench, detectors, capture, search in [
        (POISON, poison, capture_poison, search_poison),
        (EVASION, evasion, capture_evasion, search_evasion),
    ]:
        costs += [costs_of.assign(bench=bench) for costs_of in read_records(detectors)]
        costs.append(read_shared_costs(capture, bench, "capture"))
        costs.append(read_shared_costs(search, bench, "search"))
    write_table(table, summarize_costs(costs), run)


if __name__ == "__main__":
    run(tabulate_cost)
