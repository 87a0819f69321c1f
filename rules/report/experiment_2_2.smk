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
                as_reported=constant(is_as_reported(config, "two_digits")),
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


rule tabulate_experiment_2_2:
    input:
        train=each_training("scores/train.parquet"),
        test=each_training("scores/test.parquet"),
        occurrences=each_training("occurrences/test.parquet"),
        records=each_training("poison_{poison}.csv"),
        neighbours=each_training("neighbours/train"),
    output:
        trend=table(
            "trend",
            "Experiment 2.2",
            "trend over the layers",
            caption="experiment_2_2_trend",
        ),
        base_rate=table(
            "base_rate",
            "Experiment 2.2",
            "poison above its base rate",
            caption="experiment_2_2_base_rate",
        ),
        depth=table("depth", "Experiment 2.2", "why it grows with depth"),
        claims=claims("experiment_2_2"),
    log:
        log_of("tabulate_experiment_2_2", "<results>"),
    benchmark:
        benchmark_of("tabulate_experiment_2_2", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/tabulate_experiment_2_2",
            trainings=constant(TRAININGS),
            layers=constant(EXPERIMENTS["two_digits"]["layers"]),
            k="neighbours/k",
            as_reported=constant(is_as_reported(config, "two_digits")),
            run=run_of(*TRAININGS),
        ),
    shell:
        STEP


rule plot_depth:
    input:
        table="<results>/tables/depth.csv",
    output:
        **figure("depth", "Experiment 2.2", "why it grows with depth"),
    log:
        log_of("plot_depth", "<results>"),
    benchmark:
        benchmark_of("plot_depth", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/plot_depth",
            trainings=constant(
                {
                    name: TRAININGS[name]
                    for name in ("two_digits", "two_digits_memorised")
                }
            ),
            k="neighbours/k",
        ),
    shell:
        STEP
