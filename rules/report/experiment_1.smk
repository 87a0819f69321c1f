"""Needs the scores of the clean networks for poison; makes the measures and the plot of experiment 1."""

POISON_IN_TEST = dict(
    test=each_seed("clean", "scores/test.parquet"),
    poison=[
        path
        for shown in POISONS_SHOWN
        for path in each_seed("clean", f"scores/poison_{shown}.parquet")
    ],
    records=[
        path
        for shown in POISONS_SHOWN
        for path in each_seed("clean", f"poison_{shown}.csv")
    ],
)
"""The scores of clean images and of poison, and the records of the poison, set after set."""


rule measure_experiment_1:
    input:
        **POISON_IN_TEST,
    output:
        measures=measures("experiment_1"),
    log:
        log_of("measure_experiment_1", "<results>"),
    benchmark:
        benchmark_of("measure_experiment_1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/measure_experiment_1",
            seeds=constant(EXPERIMENTS["clean"]["seeds"]),
        ),
    shell:
        STEP


TABULATED["experiment_1"] = (
    "Experiment 1",
    "credibility of poison points",
    ["clean"],
    is_as_reported(config, "clean"),
)


rule plot_experiment_1:
    input:
        **POISON_IN_TEST,
        table="<results>/tables/experiment_1.csv",
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
        **step(
            "report/plot_experiment_1", seeds=constant(EXPERIMENTS["clean"]["seeds"])
        ),
    shell:
        STEP
