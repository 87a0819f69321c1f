"""Needs the model of a run; makes attacks on other networks, and the tables of who is fooled and who notices."""


rule select_attackable:
    input:
        split="<run>/data/test.npz",
        weights=weights_of_networks,
        script="scripts/select_attackable.py",
        modules=modules_of("scripts/select_attackable.py"),
    output:
        attackable="<run>/data/attackable.npz",
    log:
        "<run>/logs/select_attackable.log",
    benchmark:
        "<run>/benchmarks/select_attackable.tsv"
    priority: 2
    conda:
        "../envs/torch.yaml"
    params:
        architectures=architectures_of_networks,
        images=lookup(dpath="transfer/experiments/{experiment}/images", within=config),
        batch_size=lookup(dpath="transfer/batch_size", within=config),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --architectures {params.architectures}"
        " --weights {input.weights}"
        " --images {params.images}"
        " --batch-size {params.batch_size}"
        " --output {output.attackable}"
        " > {log} 2>&1"


rule craft_transfer:
    input:
        images="<run>/data/attackable.npz",
        weights="<run>/networks/{source}.pt",
        script="scripts/craft_transfer.py",
        modules=modules_of("scripts/craft_transfer.py"),
    output:
        attacked="<run>/data/from_{source}.npz",
        record="<run>/from_{source}.csv",
    log:
        "<run>/logs/craft_transfer_{source}.log",
    benchmark:
        "<run>/benchmarks/craft_transfer_{source}.tsv"
    priority: 2
    conda:
        "../envs/foolbox.yaml"
    params:
        epsilons=lookup(
            dpath="transfer/experiments/{experiment}/epsilons", within=config
        ),
        passes=lookup(dpath="transfer/passes", within=config),
        dataset=lookup(dpath="{experiment}/dataset", within=EXPERIMENTS),
        batch_size=lookup(dpath="transfer/batch_size", within=config),
    shell:
        "python {input.script}"
        " --images {input.images}"
        " --network {wildcards.source}"
        " --weights {input.weights}"
        " --epsilons {params.epsilons}"
        " --passes {params.passes}"
        " --dataset {params.dataset}"
        " --seed {wildcards.seed}"
        " --batch-size {params.batch_size}"
        " --output {output.attacked}"
        " --output-record {output.record}"
        " > {log} 2>&1"


rule measure_disturbance:
    input:
        split="<run>/data/calibration.npz",
        weights="<run>/networks/{source}.pt",
        script="scripts/measure_disturbance.py",
        modules=modules_of("scripts/measure_disturbance.py"),
    output:
        disturbance="<run>/disturbance_{source}.csv",
    log:
        "<run>/logs/measure_disturbance_{source}.log",
    benchmark:
        "<run>/benchmarks/measure_disturbance_{source}.tsv"
    priority: 2
    conda:
        "../envs/foolbox.yaml"
    params:
        images=lookup(dpath="transfer/validation", within=config),
        epsilons=lookup(
            dpath="transfer/experiments/{experiment}/epsilons", within=config
        ),
        passes=lookup(dpath="transfer/passes", within=config),
        dataset=lookup(dpath="{experiment}/dataset", within=EXPERIMENTS),
        batch_size=lookup(dpath="transfer/batch_size", within=config),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --images {params.images}"
        " --network {wildcards.source}"
        " --weights {input.weights}"
        " --epsilons {params.epsilons}"
        " --passes {params.passes}"
        " --dataset {params.dataset}"
        " --seed {wildcards.seed}"
        " --batch-size {params.batch_size}"
        " --output {output.disturbance}"
        " > {log} 2>&1"


rule judge_transfer:
    input:
        split="<run>/data/from_{source}.npz",
        weights=weights_of_networks,
        script="scripts/judge_transfer.py",
        modules=modules_of("scripts/judge_transfer.py"),
    output:
        labels="<run>/labels_from_{source}.npz",
    log:
        "<run>/logs/judge_transfer_{source}.log",
    benchmark:
        "<run>/benchmarks/judge_transfer_{source}.tsv"
    priority: 2
    conda:
        "../envs/foolbox.yaml"
    params:
        names=names_of_networks,
        architectures=architectures_of_networks,
        batch_size=lookup(dpath="transfer/batch_size", within=config),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --names {params.names}"
        " --architectures {params.architectures}"
        " --weights {input.weights}"
        " --batch-size {params.batch_size}"
        " --output {output.labels}"
        " > {log} 2>&1"


rule tabulate_transfer:
    input:
        attackable=of_transfer("data/attackable.npz"),
        records=of_transfer("from_{source}.csv"),
        labels=of_transfer("labels_from_{source}.npz"),
        disturbances=of_transfer("disturbance_{source}.csv"),
        script="scripts/tabulate_transfer.py",
        modules=modules_of("scripts/tabulate_transfer.py"),
    output:
        table=report(
            "<results>/tables/transfer.csv",
            caption="../report/transfer.rst",
            category="Attacks that transfer",
            labels={"result": "who is fooled", "form": "table"},
        ),
        claims="<results>/claims/transfer.csv",
    log:
        "<results>/logs/tabulate_transfer.log",
    benchmark:
        "<results>/benchmarks/tabulate_transfer.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of(*config["transfer"]["experiments"]),
    shell:
        "python {input.script}"
        " --attackable {input.attackable}"
        " --records {input.records}"
        " --labels {input.labels}"
        " --disturbances {input.disturbances}"
        " --table {output.table}"
        " --claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule tabulate_dknn_against_transfer:
    input:
        records=of_sources("from_{source}.csv"),
        scores=of_sources("scores/from_{source}.parquet"),
        disturbances=of_sources("disturbance_{source}.csv"),
        calibration_scores=of_sources("scores/calibration.parquet"),
        script="scripts/tabulate_dknn_against_transfer.py",
        modules=modules_of("scripts/tabulate_dknn_against_transfer.py"),
    output:
        table=report(
            "<results>/tables/dknn_against_transfer.csv",
            caption="../report/dknn_against_transfer.rst",
            category="Attacks that transfer",
            labels={"result": "who notices", "form": "table"},
        ),
        claims="<results>/claims/dknn_against_transfer.csv",
    log:
        "<results>/logs/tabulate_dknn_against_transfer.log",
    benchmark:
        "<results>/benchmarks/tabulate_dknn_against_transfer.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
        layers=lookup(dpath="activations/layers", within=config),
    shell:
        "python {input.script}"
        " --records {input.records}"
        " --scores {input.scores}"
        " --disturbances {input.disturbances}"
        " --calibration-scores {input.calibration_scores}"
        " --layers {params.layers}"
        " --table {output.table}"
        " --claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_transfer:
    input:
        table="<results>/tables/transfer.csv",
        script="scripts/plot_transfer.py",
        modules=modules_of("scripts/plot_transfer.py"),
    output:
        svg=report(
            "<results>/figures/transfer_{dataset}.svg",
            caption="../report/transfer.rst",
            category="Attacks that transfer",
            labels={"result": "who is fooled, {dataset}", "form": "figure"},
        ),
        png="<results>/figures/transfer_{dataset}.png",
    log:
        "<results>/logs/plot_transfer_{dataset}.log",
    benchmark:
        "<results>/benchmarks/plot_transfer_{dataset}.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --dataset {wildcards.dataset}"
        " --output {output}"
        " > {log} 2>&1"


rule plot_dknn_against_transfer:
    input:
        table="<results>/tables/dknn_against_transfer.csv",
        script="scripts/plot_dknn_against_transfer.py",
        modules=modules_of("scripts/plot_dknn_against_transfer.py"),
    output:
        svg=report(
            "<results>/figures/dknn_against_transfer.svg",
            caption="../report/dknn_against_transfer.rst",
            category="Attacks that transfer",
            labels={"result": "who notices", "form": "figure"},
        ),
        png="<results>/figures/dknn_against_transfer.png",
    log:
        "<results>/logs/plot_dknn_against_transfer.log",
    benchmark:
        "<results>/benchmarks/plot_dknn_against_transfer.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --output {output}"
        " > {log} 2>&1"
