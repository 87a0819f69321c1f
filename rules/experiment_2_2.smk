"""Needs the scores of all seeds; makes the report's Table 1 and its plot."""


rule aggregate_table1:
    input:
        train=expand(
            "<experiment>/seed{seed}/scores/train.parquet", seed=config["seeds"]
        ),
        test=expand("<experiment>/seed{seed}/scores/test.parquet", seed=config["seeds"]),
        script="scripts/aggregate_table1.py",
        modules=modules_of("scripts/aggregate_table1.py"),
    output:
        table=report(
            "results/table1.csv", caption="../report/table1.rst", category="Table 1"
        ),
    log:
        "results/logs/aggregate_table1.log",
    conda:
        "../envs/tables.yaml"
    params:
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --test {input.test}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --output {output.table}"
        " > {log} 2>&1"


rule plot_table1:
    input:
        table="results/table1.csv",
        script="scripts/plot_table1.py",
        modules=modules_of("scripts/plot_table1.py"),
    output:
        svg=report(
            "results/figures/table1.svg",
            caption="../report/table1.rst",
            category="Table 1",
        ),
        png="results/figures/table1.png",
    log:
        "results/logs/plot_table1.log",
    conda:
        "../envs/tables.yaml"
    params:
        k=lookup(dpath="neighbours/k", within=config),
        poison=lookup(dpath="poison/points", within=config),
        train=config["splits"]["train"] + config["poison"]["points"],
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --k {params.k}"
        " --poison {params.poison}"
        " --train {params.train}"
        " --output {output}"
        " > {log} 2>&1"
