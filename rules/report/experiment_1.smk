"""Needs the scores of the clean networks for poison; makes the table, claims and plot of experiment 1."""

POISON_IN_TEST = dict(
    test=each_seed("clean", "scores/test.parquet"),
    poison=expand(
        each_seed("clean", "scores/poison_{points}.parquet"),
        points=config["poison"]["test_points"],
    ),
    records=expand(
        each_seed("clean", "poison_{points}.csv"),
        points=config["poison"]["test_points"],
    ),
)
"""The scores of clean images and of poison, and the records of the poison."""


rule tabulate_experiment_1:
    input:
        **POISON_IN_TEST,
    output:
        table=report(
            update("<results>/tables/experiment_1.csv"),
            caption="../../report/experiment_1.rst",
            category="Experiment 1",
            labels={"result": "credibility of poison points", "form": "table"},
        ),
        claims=update("<results>/claims/experiment_1.csv"),
    log:
        log_of("tabulate_experiment_1", "<results>"),
    benchmark:
        benchmark_of("tabulate_experiment_1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/tabulate_experiment_1",
            as_reported=constant(is_as_reported(config, "clean")),
            run=run_of("clean"),
        ),
    shell:
        STEP


rule plot_experiment_1:
    input:
        **POISON_IN_TEST,
    output:
        svg=report(
            update("<results>/figures/experiment_1.svg"),
            caption="../../report/experiment_1_figure.rst",
            category="Experiment 1",
            labels={"result": "credibility of poison points", "form": "figure"},
        ),
        png=update("<results>/figures/experiment_1.png"),
    log:
        log_of("plot_experiment_1", "<results>"),
    benchmark:
        benchmark_of("plot_experiment_1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_experiment_1", run=run_of("clean")),
    shell:
        STEP
