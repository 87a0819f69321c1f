from snakemake.utils import min_version

min_version("9.27.1")


configfile: "config/config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"


check_configuration()

EXPERIMENTS = all_experiments()


onstart:
    start_run()


onsuccess:
    end_run()


onerror:
    show_failures(log)


pathvars:
    results=f"results/{config['variant']}",
    runs=f"results/{config['variant']}/{{experiment}}",
    run=f"results/{config['variant']}/{{experiment}}/seed{{seed}}",


scattergather:
    shard=config["neighbours"]["shards"],


include: "rules/data.smk"
include: "rules/poison.smk"
include: "rules/model.smk"
include: "rules/neighbours.smk"
include: "rules/dknn.smk"
include: "rules/inputs.smk"
include: "rules/experiment_1.smk"
include: "rules/experiment_2_1.smk"
include: "rules/experiment_2_2.smk"
include: "rules/dknn_mnist.smk"
include: "rules/transfer.smk"
include: "rules/adaptive.smk"
include: "rules/poison_bench.smk"
include: "rules/evasion_bench.smk"
include: "rules/detectors.smk"
include: "rules/section_4.smk"
include: "rules/pictures.smk"
include: "rules/claims.smk"
include: "rules/publish.smk"


if config["neighbours"]["shards"] > 1:

    include: "rules/shards.smk"


wildcard_constraints:
    name="[a-z0-9_]+",
    experiment="[a-z0-9_]+",
    seed="[0-9]+",
    split="[a-z0-9_]+",
    points="[0-9]+",
    attack="fgsm|bim|cw|ila",
    bench="poison|evasion",
    detector="[a-z0-9_]+",
    layer="[A-Za-z0-9_.]+",
    network="[a-z0-9_]+(?<!_twin)",
    twin="(_twin)?",
    source="[a-z0-9_]+",
    dataset="[a-z0-9_]+",


rule help:
    """What can be asked for, which `start_run` prints."""
    default_target: True


rule table1:
    """Table 1 of the student report: results/table1.csv."""
    input:
        "results/table1.csv",


rule leaderboard:
    """Detectors of poison and of inputs, compared: results/leaderboard/index.html."""
    input:
        "results/leaderboard",


rule summary:
    """Claims, and the tables of each experiment: results/summary.md."""
    input:
        "results/summary.md",


rule all:
    """Every table, figure and page."""
    input:
        "results/table1.csv",
        "<results>/tables/claims.csv",
        "results/summary.md",
        "<results>/tables/transfer.csv",
        "<results>/tables/dknn_against_transfer.csv",
        "<results>/tables/adaptive.csv",
        "results/leaderboard",
        expand(
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
                *[f"transfer_{dataset}" for dataset in datasets_of_transfer()],
                "dknn_against_transfer",
                "adaptive",
                "section_4",
                "poison_grid",
                "neighbours_clean",
                "neighbours_poisoned",
            ],
            form=["svg", "png"],
        ),
