"""Needs the scores of ten digits with poison in the training; makes the results of experiment 2.1."""

SCORES_2_1 = dict(
    train=each_seed("ten_digits", "scores/train.parquet"),
    test=each_seed("ten_digits", "scores/test.parquet"),
)

RESULTS_2_1 = {
    "experiment_2_1": "credibility and accuracy",
    "experiment_2_1_accuracy": "accuracy by credibility",
    "experiment_2_1_detector": "a threshold as a detector",
}
"""Title of each table."""


rule measure_experiment_2_1:
    input:
        **SCORES_2_1,
    output:
        groups=measures("experiment_2_1"),
        accuracy=measures("experiment_2_1_accuracy"),
        detector=measures("experiment_2_1_detector"),
    log:
        log_of("measure_experiment_2_1", "<results>"),
    benchmark:
        benchmark_of("measure_experiment_2_1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/measure_experiment_2_1",
            seeds=constant(EXPERIMENTS["ten_digits"]["seeds"]),
            layers=constant(EXPERIMENTS["ten_digits"]["layers"]),
            k="neighbours/k",
        ),
    shell:
        STEP


TABULATED |= {
    name: (
        "Experiment 2.1",
        title,
        ["ten_digits"],
        is_as_reported(config, "ten_digits"),
    )
    for name, title in RESULTS_2_1.items()
}


rule plot_experiment_2_1:
    input:
        **SCORES_2_1,
        table="<results>/tables/experiment_2_1.csv",
        accuracy_table="<results>/tables/experiment_2_1_accuracy.csv",
    output:
        credibility=[
            *figure(
                "experiment_2_1_credibility",
                "Experiment 2.1",
                RESULTS_2_1["experiment_2_1"],
                caption="experiment_2_1",
            ).values()
        ],
        accuracy=[
            *figure(
                "experiment_2_1_accuracy",
                "Experiment 2.1",
                RESULTS_2_1["experiment_2_1_accuracy"],
            ).values()
        ],
        detector=[
            *figure(
                "experiment_2_1_detector",
                "Experiment 2.1",
                RESULTS_2_1["experiment_2_1_detector"],
            ).values()
        ],
    log:
        log_of("plot_experiment_2_1", "<results>"),
    benchmark:
        benchmark_of("plot_experiment_2_1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/plot_experiment_2_1",
            layers=constant(EXPERIMENTS["ten_digits"]["layers"]),
            k="neighbours/k",
        ),
    shell:
        STEP
