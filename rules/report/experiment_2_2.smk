"""Needs the scores of the trainings of experiment 2.2; makes the report's Table 1, and why it is so."""

TRAININGS = {
    name: {
        key: EXPERIMENTS[name][key]
        for key in ("seeds", "train", "poison", "epochs", "batch_size")
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


for training, (table, difference) in zip(TRAININGS, TABLES_1.items()):
    step_name = f"aggregate_{Path(table).stem}"

    rule:
        name:
            step_name
        input:
            train=each_seed(training, "scores/train.parquet"),
            test=each_seed(training, "scores/test.parquet"),
        output:
            table=report(
                update(table),
                caption="../../report/table1.rst",
                category="Experiment 2.2",
                labels={"result": f"Table 1, {difference}", "form": "table"},
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
        svg=report(
            update("<results>/figures/table1.svg"),
            caption="../../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, four trainings", "form": "figure"},
        ),
        png=update("<results>/figures/table1.png"),
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
        records=[
            path
            for name in TRAININGS
            for path in each_seed(name, f"{EXPERIMENTS[name]['poison']}.csv")
        ],
        neighbours=each_training("neighbours/train"),
    output:
        trend=report(
            update("<results>/tables/trend.csv"),
            caption="../../report/experiment_2_2_trend.rst",
            category="Experiment 2.2",
            labels={"result": "trend over the layers", "form": "table"},
        ),
        base_rate=report(
            update("<results>/tables/base_rate.csv"),
            caption="../../report/experiment_2_2_base_rate.rst",
            category="Experiment 2.2",
            labels={"result": "poison above its base rate", "form": "table"},
        ),
        depth=report(
            update("<results>/tables/depth.csv"),
            caption="../../report/depth.rst",
            category="Experiment 2.2",
            labels={"result": "why it grows with depth", "form": "table"},
        ),
        claims=update("<results>/claims/experiment_2_2.csv"),
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
        svg=report(
            update("<results>/figures/depth.svg"),
            caption="../../report/depth.rst",
            category="Experiment 2.2",
            labels={"result": "why it grows with depth", "form": "figure"},
        ),
        png=update("<results>/figures/depth.png"),
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
