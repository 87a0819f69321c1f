"""Needs the scores of both trainings of experiment 2.2; makes the report's Table 1, and why it is so."""


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


rule plot_table1:
    input:
        report="<results>/table1.csv",
        memorised="<results>/tables/table1_memorised.csv",
        script="scripts/plot_table1.py",
        modules=modules_of("scripts/plot_table1.py"),
    output:
        svg=report(
            "<results>/figures/table1.svg",
            caption="../report/table1.rst",
            category="Experiment 2.2",
            labels={"result": "Table 1, both trainings", "form": "figure"},
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
        poison=lookup(dpath="experiments/two_digits/poison", within=config),
        train=lookup(dpath="experiments/two_digits/train", within=config),
        epochs=lookup(dpath="experiments/two_digits/epochs", within=config),
        epochs_memorised=lookup(
            dpath="experiments/two_digits_memorised/epochs", within=config
        ),
        batch_size=lookup(dpath="experiments/two_digits/batch_size", within=config),
        batch_size_memorised=lookup(
            dpath="experiments/two_digits_memorised/batch_size", within=config
        ),
    shell:
        "python {input.script}"
        " --tables {input.report} {input.memorised}"
        " --epochs {params.epochs} {params.epochs_memorised}"
        " --batch-sizes {params.batch_size} {params.batch_size_memorised}"
        " --k {params.k}"
        " --poison {params.poison}"
        " --clean {params.train}"
        " --output {output}"
        " > {log} 2>&1"


rule tabulate_experiment_2_2:
    input:
        train=of_seeds("two_digits", "scores/train.parquet"),
        train_memorised=of_seeds("two_digits_memorised", "scores/train.parquet"),
        test=of_seeds("two_digits", "scores/test.parquet"),
        test_memorised=of_seeds("two_digits_memorised", "scores/test.parquet"),
        occurrences=of_seeds("two_digits", "occurrences/test.parquet"),
        occurrences_memorised=of_seeds(
            "two_digits_memorised", "occurrences/test.parquet"
        ),
        records=of_seeds(
            "two_digits", f"poison_{config['experiments']['two_digits']['poison']}.csv"
        ),
        records_memorised=of_seeds(
            "two_digits_memorised",
            f"poison_{config['experiments']['two_digits_memorised']['poison']}.csv",
        ),
        neighbours=expand(
            of_seeds("two_digits", "neighbours/train/{layer}.npy"),
            layer=config["activations"]["layers"],
        ),
        neighbours_memorised=expand(
            of_seeds("two_digits_memorised", "neighbours/train/{layer}.npy"),
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
        seeds=lookup(dpath="experiments/two_digits/seeds", within=config),
        seeds_memorised=lookup(
            dpath="experiments/two_digits_memorised/seeds", within=config
        ),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
        poison=lookup(dpath="experiments/two_digits/poison", within=config),
        poison_memorised=lookup(
            dpath="experiments/two_digits_memorised/poison", within=config
        ),
        clean=lookup(dpath="experiments/two_digits/train", within=config),
        clean_memorised=lookup(
            dpath="experiments/two_digits_memorised/train", within=config
        ),
    shell:
        "python {input.script} {params.as_reported}"
        " --trainings two_digits two_digits_memorised"
        " --seeds {params.seeds}"
        " --seeds {params.seeds_memorised}"
        " --train {input.train}"
        " --train {input.train_memorised}"
        " --test {input.test}"
        " --test {input.test_memorised}"
        " --occurrences {input.occurrences}"
        " --occurrences {input.occurrences_memorised}"
        " --records {input.records}"
        " --records {input.records_memorised}"
        " --neighbours {input.neighbours}"
        " --neighbours {input.neighbours_memorised}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --poison {params.poison} {params.poison_memorised}"
        " --clean {params.clean} {params.clean_memorised}"
        " --output-trend {output.trend}"
        " --output-base-rate {output.base_rate}"
        " --output-depth {output.depth}"
        " --output-claims {output.claims}"
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
