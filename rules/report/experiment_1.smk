"""Needs the scores of the clean networks for poison; makes the table, claims and plot of experiment 1."""


rule tabulate_experiment_1:
    input:
        test=of_seeds("clean", "scores/test.parquet"),
        poison=expand(
            of_seeds("clean", "scores/poison_{points}.parquet"),
            points=config["poison"]["test_points"],
        ),
        records=expand(
            of_seeds("clean", "poison_{points}.csv"),
            points=config["poison"]["test_points"],
        ),
        script="scripts/tabulate_experiment_1.py",
        modules=modules_of("scripts/tabulate_experiment_1.py"),
    output:
        table=report(
            "<results>/tables/experiment_1.csv",
            caption="../report/experiment_1.rst",
            category="Experiment 1",
            labels={"result": "credibility of poison points", "form": "table"},
        ),
        claims="<results>/claims/experiment_1.csv",
    log:
        "<results>/logs/tabulate_experiment_1.log",
    benchmark:
        "<results>/benchmarks/tabulate_experiment_1.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
        as_reported=option_as_reported("clean"),
    shell:
        "python {input.script} {params.as_reported}"
        " --test {input.test}"
        " --poison {input.poison}"
        " --records {input.records}"
        " --output {output.table}"
        " --output-claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_experiment_1:
    input:
        test=of_seeds("clean", "scores/test.parquet"),
        poison=expand(
            of_seeds("clean", "scores/poison_{points}.parquet"),
            points=config["poison"]["test_points"],
        ),
        records=expand(
            of_seeds("clean", "poison_{points}.csv"),
            points=config["poison"]["test_points"],
        ),
        script="scripts/plot_experiment_1.py",
        modules=modules_of("scripts/plot_experiment_1.py"),
    output:
        svg=report(
            "<results>/figures/experiment_1.svg",
            caption="../report/experiment_1_figure.rst",
            category="Experiment 1",
            labels={"result": "credibility of poison points", "form": "figure"},
        ),
        png="<results>/figures/experiment_1.png",
    log:
        "<results>/logs/plot_experiment_1.log",
    benchmark:
        "<results>/benchmarks/plot_experiment_1.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
    shell:
        "python {input.script}"
        " --test {input.test}"
        " --poison {input.poison}"
        " --records {input.records}"
        " --output {output}"
        " --run {params.run:q}"
        " > {log} 2>&1"
