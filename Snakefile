from snakemake.utils import min_version

min_version("9.27.1")


configfile: "config/config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"


check_configuration()


onstart:
    keep_configuration()
    remove_what_is_made_again()


pathvars:
    experiment=experiment_folder(),


scattergather:
    shard=config["neighbours"]["shards"],


include: "rules/data.smk"
include: "rules/poison.smk"
include: "rules/model.smk"
include: "rules/neighbours.smk"
include: "rules/dknn.smk"
include: "rules/table1.smk"


if config["neighbours"]["shards"] > 1:

    include: "rules/shards.smk"


wildcard_constraints:
    name="[a-z0-9]+",
    seed="[0-9]+",
    split="[a-z_]+",
    layer="[A-Za-z0-9_.]+",


rule all:
    default_target: True
    input:
        "results/table1.csv",
        "results/figures/table1.svg",
        "results/figures/table1.png",
