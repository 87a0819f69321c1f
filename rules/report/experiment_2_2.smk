"""Needs the scores of the trainings of experiment 2.2; makes the report's Table 1, and why it is so."""

TRAININGS = {
    name: {
        key: EXPERIMENTS[name][key]
        for key in ("seeds", "train", "poison_settings", "epochs", "batch_size")
    }
    for name in (
        "two_digits",
        "two_digits_memorised",
        "two_digits_quarter",
        "two_digits_quarter_flips",
    )
}

TABLES_1 = {
    "<results>/table1.csv": "the report's training",
    "<results>/tables/table1_memorised.csv": "poison memorised",
    "<results>/tables/table1_quarter.csv": "a quarter of poison",
    "<results>/tables/table1_quarter_flips.csv": "a quarter of flipped labels",
}
"""Table 1 of each training, and how that differs."""


def each_training(file):
    """A file of every seed of each training, training by training."""
    return [path for name in TRAININGS for path in each_seed(name, file)]


for training, (path, difference) in zip(TRAININGS, TABLES_1.items()):
    step_name = f"aggregate_{Path(path).stem}"

    rule:
        name:
            step_name
        input:
            **reported("table1", is_as_reported(config, "two_digits")),
            train=each_seed(training, "scores/train.parquet"),
            test=each_seed(training, "scores/test.parquet"),
        output:
            table=finished(
                path, "Experiment 2.2", f"Table 1, {difference}", "table", "table1"
            ),
        log:
            log_of(step_name, "<results>"),
        benchmark:
            benchmark_of(step_name, "<results>")
        conda:
            "../../envs/tables.yaml"
        params:
            **step(
                "report/aggregate_table1",
                layers=constant(EXPERIMENTS[training]["layers"]),
                k="neighbours/k",
                run=run_of(training),
            ),
        shell:
            STEP


rule plot_table1:
    input:
        tables=list(TABLES_1),
    output:
        **figure("table1", "Experiment 2.2", "Table 1, four trainings"),
    log:
        log_of("plot_table1", "<results>"),
    benchmark:
        benchmark_of("plot_table1", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_table1", trainings=constant(TRAININGS), k="neighbours/k"),
    shell:
        STEP


rule measure_experiment_2_2:
    input:
        train=each_training("scores/train.parquet"),
        test=each_training("scores/test.parquet"),
        occurrences=each_training("occurrences/test.parquet"),
        records=each_training("poison_{poison}.csv"),
        neighbours=each_training("neighbours/train"),
    output:
        measures=measures("experiment_2_2"),
    log:
        log_of("measure_experiment_2_2", "<results>"),
    benchmark:
        benchmark_of("measure_experiment_2_2", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/measure_experiment_2_2",
            trainings=constant(TRAININGS),
            layers=constant(EXPERIMENTS["two_digits"]["layers"]),
            k="neighbours/k",
        ),
    shell:
        STEP


TABULATED["experiment_2_2"] = (
    "Experiment 2.2",
    "poison among the neighbours by layer",
    TRAININGS,
    is_as_reported(config, "two_digits"),
)


rule plot_experiment_2_2:
    input:
        table="<results>/tables/experiment_2_2.csv",
    output:
        **figure(
            "experiment_2_2", "Experiment 2.2", "poison among the neighbours by layer"
        ),
    log:
        log_of("plot_experiment_2_2", "<results>"),
    benchmark:
        benchmark_of("plot_experiment_2_2", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/plot_experiment_2_2",
            trainings=constant(
                {
                    name: TRAININGS[name]
                    for name in ("two_digits", "two_digits_memorised")
                }
            ),
            layers=constant(EXPERIMENTS["two_digits"]["layers"]),
            k="neighbours/k",
        ),
    shell:
        STEP
