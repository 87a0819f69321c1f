"""Summarise the results on one page, as Markdown, which the README quotes, and as HTML."""

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write
from layeraudit.provenance import list_runs
from layeraudit.report.summary import (
    summarise_adaptive,
    summarise_claims,
    summarise_detection,
    summarise_detectors,
    summarise_groups,
    summarise_inputs,
    summarise_table1,
    summarise_transfer,
    write_markdown,
    write_page,
)
from layeraudit.tables import read_table


def summarise(
    *,
    claims: Input,
    experiment_1: Input,
    experiment_2_1: Input,
    detector: Input,
    table1: Input,
    table1_memorised: Input,
    table1_quarter: Input,
    table1_quarter_flips: Input,
    inputs: Input,
    transfer: Input,
    detection: Input,
    adaptive: Input,
    markdown: Output,
    page: Output,
) -> None:
    """Write the summary in both forms."""
    tables = {
        path: read_table(path)
        for path in (
            *(claims, experiment_1, experiment_2_1, detector, table1, table1_memorised),
            *(table1_quarter, table1_quarter_flips, inputs, transfer, detection, adaptive),
        )
    }
    sections = [
        summarise_claims("Claims", tables[claims]),
        summarise_groups("Experiment 1, a network of clean images", tables[experiment_1], "points"),
        summarise_groups("Experiment 2.1, poison in training", tables[experiment_2_1], "evaluated"),
        summarise_detectors("Experiment 2.1, detectors of poison", tables[detector]),
        summarise_table1("Table 1, trained as in the report", tables[table1]),
        summarise_table1("Table 1, poison memorised", tables[table1_memorised]),
        summarise_table1("Table 1, a quarter of poison", tables[table1_quarter]),
        summarise_table1("Table 1, a quarter of flipped labels", tables[table1_quarter_flips]),
        summarise_inputs("Deep k-nearest neighbours on MNIST", tables[inputs]),
        summarise_transfer("Attacks that transfer", tables[transfer]),
        summarise_detection("DkNN against attacks that transfer", tables[detection]),
        summarise_adaptive("An attack that knows DkNN", tables[adaptive]),
    ]
    runs = list_runs(tables.values())
    for path, text in [(markdown, write_markdown(sections, runs)), (page, write_page(sections, runs))]:
        with atomic_write(path) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    run(summarise)
