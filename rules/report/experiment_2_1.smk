"""Needs the scores of ten digits with poison in the training; makes the results of experiment 2.1."""


rule tabulate_experiment_2_1:
    input:
        train=each_seed("ten_digits", "scores/train.parquet"),
        test=each_seed("ten_digits", "scores/test.parquet"),
    output:
        table=table("experiment_2_1", "Experiment 2.1", "credibility and accuracy"),
        recovered=table(
            "experiment_2_1_recovered",
            "Experiment 2.1",
            "points set right and spoiled",
        ),
        accuracy=table(
            "experiment_2_1_accuracy", "Experiment 2.1", "accuracy by credibility"
        ),
        matched=table(
            "experiment_2_1_matched",
            "Experiment 2.1",
            "poison against matched samples",
        ),
        samples=update("<results>/tables/experiment_2_1_samples.parquet"),
        detector=table(
            "experiment_2_1_detector", "Experiment 2.1", "a threshold as a detector"
        ),
        claims=claims("experiment_2_1"),
    log:
        log_of("tabulate_experiment_2_1", "<results>"),
    benchmark:
        benchmark_of("tabulate_experiment_2_1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/tabulate_experiment_2_1",
            seeds=constant(EXPERIMENTS["ten_digits"]["seeds"]),
            layers=constant(EXPERIMENTS["ten_digits"]["layers"]),
            k="neighbours/k",
            as_reported=constant(is_as_reported(config, "ten_digits")),
            run=run_of("ten_digits"),
        ),
    shell:
        STEP


rule plot_experiment_2_1:
    input:
        train=each_seed("ten_digits", "scores/train.parquet"),
        test=each_seed("ten_digits", "scores/test.parquet"),
        accuracy_table="<results>/tables/experiment_2_1_accuracy.csv",
        matched_table="<results>/tables/experiment_2_1_matched.csv",
        samples="<results>/tables/experiment_2_1_samples.parquet",
    output:
        credibility=[
            *figure(
                "experiment_2_1_credibility",
                "Experiment 2.1",
                "credibility and accuracy",
                caption="experiment_2_1",
            ).values()
        ],
        accuracy=[
            *figure(
                "experiment_2_1_accuracy", "Experiment 2.1", "accuracy by credibility"
            ).values()
        ],
        detector=[
            *figure(
                "experiment_2_1_detector",
                "Experiment 2.1",
                "a threshold as a detector",
            ).values()
        ],
        matched=[
            *figure(
                "experiment_2_1_matched",
                "Experiment 2.1",
                "poison against matched samples",
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
