"""Needs the runs of the student report's experiments; makes its tables, figures and claims."""


include: "report/experiment_1.smk"
include: "report/experiment_2_1.smk"
include: "report/experiment_2_2.smk"
include: "report/dknn_mnist.smk"
include: "report/transfer.smk"
include: "report/adaptive.smk"
include: "report/section_4.smk"
include: "report/pictures.smk"
include: "report/claims.smk"
