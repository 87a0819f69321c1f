"""Needs the scores of the clean networks for poison; makes the table, claims and plot of experiment 1."""

POISON_IN_TEST = dict(
    test=each_seed("clean", "scores/test.parquet"),
    poison=expand(
        each_seed("clean", "scores/poison_{shown}.parquet"),
        shown=POISONS_SHOWN,
    ),
    records=expand(
        each_seed("clean", "poison_{shown}.csv"),
        shown=POISONS_SHOWN,
    ),
)
"""The scores of clean images and of poison, and the records of the poison."""


rule tabulate_experiment_1:
    input:
        **POISON_IN_TEST,
    output:
        table=table("experiment_1", "Experiment 1", "credibility of poison points"),
        claims=claims("experiment_1"),
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
        **figure(
            "experiment_1",
            "Experiment 1",
            "credibility of poison points",
            caption="experiment_1_figure",
        ),
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
