"""Needs the scores of the trainings of experiment 2.2; makes the report's Table 1, and why it is so."""

TRAININGS = [
    "two_digits",
    "two_digits_memorised",
    "two_digits_quarter",
    "two_digits_quarter_flips",
]


rule aggregate_table1:
    input:
        train=of_seeds("two_digits", "scores/train.parquet"),
        test=of_seeds("two_digits", "scores/test.parquet"),
        script="scripts/aggregate_table1.py",
        modules=modules_of("scripts/aggregate_table1.py"),
    output:
        table=report(
            "<results>/table1.csv",
            caption="../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, the report's training", "form": "table"},
        ),
    log:
        "<results>/logs/aggregate_table1.log",
    benchmark:
        "<results>/benchmarks/aggregate_table1.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("two_digits"),
        as_reported=option_as_reported("two_digits"),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script} {params.as_reported}"
        " --train {input.train}"
        " --test {input.test}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --output {output.table}"
        " --run {params.run:q}"
        " > {log} 2>&1"


use rule aggregate_table1 as aggregate_table1_memorised with:
    input:
        train=of_seeds("two_digits_memorised", "scores/train.parquet"),
        test=of_seeds("two_digits_memorised", "scores/test.parquet"),
        script="scripts/aggregate_table1.py",
        modules=modules_of("scripts/aggregate_table1.py"),
    output:
        table=report(
            "<results>/tables/table1_memorised.csv",
            caption="../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, poison memorised", "form": "table"},
        ),
    log:
        "<results>/logs/aggregate_table1_memorised.log",
    benchmark:
        "<results>/benchmarks/aggregate_table1_memorised.tsv"
    params:
        run=run_of("two_digits_memorised"),
        as_reported=option_as_reported("two_digits"),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),


use rule aggregate_table1 as aggregate_table1_quarter with:
    input:
        train=of_seeds("two_digits_quarter", "scores/train.parquet"),
        test=of_seeds("two_digits_quarter", "scores/test.parquet"),
        script="scripts/aggregate_table1.py",
        modules=modules_of("scripts/aggregate_table1.py"),
    output:
        table=report(
            "<results>/tables/table1_quarter.csv",
            caption="../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, a quarter of poison", "form": "table"},
        ),
    log:
        "<results>/logs/aggregate_table1_quarter.log",
    benchmark:
        "<results>/benchmarks/aggregate_table1_quarter.tsv"
    params:
        run=run_of("two_digits_quarter"),
        as_reported=option_as_reported("two_digits"),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),


use rule aggregate_table1 as aggregate_table1_quarter_flips with:
    input:
        train=of_seeds("two_digits_quarter_flips", "scores/train.parquet"),
        test=of_seeds("two_digits_quarter_flips", "scores/test.parquet"),
        script="scripts/aggregate_table1.py",
        modules=modules_of("scripts/aggregate_table1.py"),
    output:
        table=report(
            "<results>/tables/table1_quarter_flips.csv",
            caption="../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, a quarter of flipped labels", "form": "table"},
        ),
    log:
        "<results>/logs/aggregate_table1_quarter_flips.log",
    benchmark:
        "<results>/benchmarks/aggregate_table1_quarter_flips.tsv"
    params:
        run=run_of("two_digits_quarter_flips"),
        as_reported=option_as_reported("two_digits"),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),


TABLES_1 = [
    "<results>/table1.csv",
    "<results>/tables/table1_memorised.csv",
    "<results>/tables/table1_quarter.csv",
    "<results>/tables/table1_quarter_flips.csv",
]


rule plot_table1:
    input:
        tables=TABLES_1,
        script="scripts/plot_table1.py",
        modules=modules_of("scripts/plot_table1.py"),
    output:
        svg=report(
            "<results>/figures/table1.svg",
            caption="../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, four trainings", "form": "figure"},
        ),
        png="<results>/figures/table1.png",
    log:
        "<results>/logs/plot_table1.log",
    benchmark:
        "<results>/benchmarks/plot_table1.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        k=lookup(dpath="neighbours/k", within=config),
        kinds=[config["experiments"][name]["poison_kind"] for name in TRAININGS],
        poison=[config["experiments"][name]["poison"] for name in TRAININGS],
        train=[config["experiments"][name]["train"] for name in TRAININGS],
        epochs=[config["experiments"][name]["epochs"] for name in TRAININGS],
        batch_sizes=[config["experiments"][name]["batch_size"] for name in TRAININGS],
    shell:
        "python {input.script}"
        " --tables {input.tables}"
        " --kinds {params.kinds}"
        " --poison {params.poison}"
        " --clean {params.train}"
        " --epochs {params.epochs}"
        " --batch-sizes {params.batch_sizes}"
        " --k {params.k}"
        " --output {output}"
        " > {log} 2>&1"


rule tabulate_experiment_2_2:
    input:
        train=of_experiments_named(TRAININGS, "scores/train.parquet"),
        test=of_experiments_named(TRAININGS, "scores/test.parquet"),
        occurrences=of_experiments_named(TRAININGS, "occurrences/test.parquet"),
        records=[
            path
            for name in TRAININGS
            for path in of_seeds(name, f"{EXPERIMENTS[name]['poison']}.csv")
        ],
        neighbours=expand(
            of_experiments_named(TRAININGS, "neighbours/train/{layer}.npy"),
            layer=config["activations"]["layers"],
        ),
        script="scripts/tabulate_experiment_2_2.py",
        modules=modules_of("scripts/tabulate_experiment_2_2.py"),
    output:
        trend=report(
            "<results>/tables/trend.csv",
            caption="../report/experiment_2_2_trend.rst",
            category="Experiment 2.2",
            labels={"result": "trend over the layers", "form": "table"},
        ),
        base_rate=report(
            "<results>/tables/base_rate.csv",
            caption="../report/experiment_2_2_base_rate.rst",
            category="Experiment 2.2",
            labels={"result": "poison above its base rate", "form": "table"},
        ),
        depth=report(
            "<results>/tables/depth.csv",
            caption="../report/depth.rst",
            category="Experiment 2.2",
            labels={"result": "why it grows with depth", "form": "table"},
        ),
        claims="<results>/claims/experiment_2_2.csv",
    log:
        "<results>/logs/tabulate_experiment_2_2.log",
    benchmark:
        "<results>/benchmarks/tabulate_experiment_2_2.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        as_reported=option_as_reported("two_digits"),
        run=run_of(*TRAININGS),
        trainings=json.dumps(
            {
                name: {
                    key: config["experiments"][name][key]
                    for key in ("seeds", "poison", "train")
                }
                for name in TRAININGS
            }
        ),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script} {params.as_reported}"
        " --trainings {params.trainings:q}"
        " --train {input.train}"
        " --test {input.test}"
        " --occurrences {input.occurrences}"
        " --records {input.records}"
        " --neighbours {input.neighbours}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --output-trend {output.trend}"
        " --output-base-rate {output.base_rate}"
        " --output-depth {output.depth}"
        " --output-claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_depth:
    input:
        table="<results>/tables/depth.csv",
        script="scripts/plot_depth.py",
        modules=modules_of("scripts/plot_depth.py"),
    output:
        svg=report(
            "<results>/figures/depth.svg",
            caption="../report/depth.rst",
            category="Experiment 2.2",
            labels={"result": "why it grows with depth", "form": "figure"},
        ),
        png="<results>/figures/depth.png",
    log:
        "<results>/logs/plot_depth.log",
    benchmark:
        "<results>/benchmarks/plot_depth.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        k=lookup(dpath="neighbours/k", within=config),
        epochs=lookup(dpath="experiments/two_digits/epochs", within=config),
        epochs_memorised=lookup(
            dpath="experiments/two_digits_memorised/epochs", within=config
        ),
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --trainings two_digits two_digits_memorised"
        " --epochs {params.epochs} {params.epochs_memorised}"
        " --k {params.k}"
        " --output {output}"
        " > {log} 2>&1"
