"""Needs the runs of the student report's experiments; makes its tables, figures and claims."""

from layeraudit.report.published import POISONS_SHOWN, is_as_reported, list_as_published

TABULATED = {}
"""Of each table that is the mean of measures over seeds: its category and title, the experiments that it is
of, and whether they are the report's or a paper's, so that reported figures compare. Each experiment adds its own."""


def measures(name):
    return update(f"<results>/measures/{name}.csv")


def reported(name, compares):
    """The input of a table's reported figures, where it has some and they compare."""
    path = Path(f"config/reported/{name}.csv")
    return dict(reported=str(path)) if compares and (ROOT / path).is_file() else {}


include: "report/experiment_1.smk"
include: "report/experiment_2_1.smk"
include: "report/experiment_2_2.smk"
include: "report/dknn_mnist.smk"
include: "report/transfer.smk"
include: "report/adaptive.smk"
include: "report/section_4.smk"
include: "report/pictures.smk"
include: "report/tables.smk"


REPORT_TABLES = [
    *TABLES_1,
    *expand("<results>/tables/{table}.csv", table=[*TABULATED, "claims"]),
]

REPORT_FIGURES = expand(
    "<results>/figures/{figure}.{form}",
    figure=[
        "experiment_1",
        "experiment_2_1_credibility",
        "experiment_2_1_accuracy",
        "experiment_2_1_detector",
        "table1",
        "experiment_2_2",
        "dknn_mnist",
        "reliability",
        *[f"transfer_{dataset}" for dataset in TRANSFER_DATASETS],
        "dknn_against_transfer",
        "adaptive",
        "section_4",
        "poison_grid",
        "neighbours_clean",
        "neighbours_poisoned",
    ],
    form=["svg", "png"],
)
