"""Needs the runs of the student report's experiments; makes its tables, figures and claims."""

from layeraudit.report.published import POISONS_SHOWN, is_as_reported, list_as_published


include: "report/experiment_1.smk"
include: "report/experiment_2_1.smk"
include: "report/experiment_2_2.smk"
include: "report/dknn_mnist.smk"
include: "report/transfer.smk"
include: "report/adaptive.smk"
include: "report/section_4.smk"
include: "report/pictures.smk"
include: "report/claims.smk"


REPORT_TABLES = [
    *TABLES_1,
    *expand(
        "<results>/tables/{table}.csv",
        table=[
            "experiment_1",
            "experiment_2_1",
            "experiment_2_1_recovered",
            "experiment_2_1_accuracy",
            "experiment_2_1_matched",
            "experiment_2_1_detector",
            "trend",
            "base_rate",
            "depth",
            "dknn_mnist",
            "reliability",
            "validity",
            "transfer",
            "dknn_against_transfer",
            "adaptive",
            "section_4_credibility",
            "section_4_depth",
            "section_4_removal",
            "claims",
        ],
    ),
]

REPORT_FIGURES = expand(
    "<results>/figures/{figure}.{form}",
    figure=[
        "experiment_1",
        "experiment_2_1_credibility",
        "experiment_2_1_accuracy",
        "experiment_2_1_detector",
        "experiment_2_1_matched",
        "table1",
        "depth",
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
