"""Needs the scores of ten digits with poison in the training; makes the results of experiment 2.1."""


rule tabulate_experiment_2_1:
    input:
        train=each_seed("ten_digits", "scores/train.parquet"),
        test=each_seed("ten_digits", "scores/test.parquet"),
    output:
        table=report(
            update("<results>/tables/experiment_2_1.csv"),
            caption="../../report/experiment_2_1.rst",
            category="Experiment 2.1",
            labels={"result": "credibility and accuracy", "form": "table"},
        ),
        recovered=report(
            update("<results>/tables/experiment_2_1_recovered.csv"),
            caption="../../report/experiment_2_1_recovered.rst",
            category="Experiment 2.1",
            labels={"result": "points set right and spoiled", "form": "table"},
        ),
        accuracy=report(
            update("<results>/tables/experiment_2_1_accuracy.csv"),
            caption="../../report/experiment_2_1_accuracy.rst",
            category="Experiment 2.1",
            labels={"result": "accuracy by credibility", "form": "table"},
        ),
        matched=report(
            update("<results>/tables/experiment_2_1_matched.csv"),
            caption="../../report/experiment_2_1_matched.rst",
            category="Experiment 2.1",
            labels={"result": "poison against matched samples", "form": "table"},
        ),
        samples=update("<results>/tables/experiment_2_1_samples.parquet"),
        detector=report(
            update("<results>/tables/experiment_2_1_detector.csv"),
            caption="../../report/experiment_2_1_detector.rst",
            category="Experiment 2.1",
            labels={"result": "a threshold as a detector", "form": "table"},
        ),
        claims=update("<results>/claims/experiment_2_1.csv"),
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
            report(
                update("<results>/figures/experiment_2_1_credibility.svg"),
                caption="../../report/experiment_2_1.rst",
                category="Experiment 2.1",
                labels={"result": "credibility and accuracy", "form": "figure"},
            ),
            update("<results>/figures/experiment_2_1_credibility.png"),
        ],
        accuracy=[
            report(
                update("<results>/figures/experiment_2_1_accuracy.svg"),
                caption="../../report/experiment_2_1_accuracy.rst",
                category="Experiment 2.1",
                labels={"result": "accuracy by credibility", "form": "figure"},
            ),
            update("<results>/figures/experiment_2_1_accuracy.png"),
        ],
        detector=[
            report(
                update("<results>/figures/experiment_2_1_detector.svg"),
                caption="../../report/experiment_2_1_detector.rst",
                category="Experiment 2.1",
                labels={"result": "a threshold as a detector", "form": "figure"},
            ),
            update("<results>/figures/experiment_2_1_detector.png"),
        ],
        matched=[
            report(
                update("<results>/figures/experiment_2_1_matched.svg"),
                caption="../../report/experiment_2_1_matched.rst",
                category="Experiment 2.1",
                labels={"result": "poison against matched samples", "form": "figure"},
            ),
            update("<results>/figures/experiment_2_1_matched.png"),
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
