"""Needs the splits of a run and the scores of detectors; makes poison of any method, and networks trained without the suspects."""


rule make_poison:
    input:
        sources="<run>/data/attack_sources.npz",
        validation="<run>/data/attack_validation.npz",
        test="<run>/data/test.npz",
        pretrained=pretrained_network,
        method=file_of_poison,
        script="scripts/make_poison.py",
        modules=modules_of_poison,
    output:
        poison="<run>/data/poison.npz",
        probe="<run>/data/probe.npz",
    log:
        "<run>/logs/make_poison.log",
    benchmark:
        "<run>/benchmarks/make_poison.tsv"
    priority: 5
    conda:
        environment_of_poison
    params:
        method=lookup(dpath="{experiment}/method", within=EXPERIMENTS),
        options=options_of_poison,
        clean=lookup(dpath="{experiment}/train", within=EXPERIMENTS),
        classes=classes_of_experiment,
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
    shell:
        "python {input.script}"
        " --method {params.method}"
        " --options {params.options:q}"
        " --sources {input.sources}"
        " --validation {input.validation}"
        " --test {input.test}"
        " --clean {params.clean}"
        " --classes {params.classes}"
        " --network {params.network}"
        " --pretrained {input.pretrained}"
        " --seed {wildcards.seed}"
        " --output-poison {output.poison}"
        " --output-probe {output.probe}"
        " > {log} 2>&1"


rule measure_trained:
    input:
        train=of_runs("data/train.npz"),
        test=of_runs("data/test.npz"),
        probe=of_runs("data/probe.npz"),
        weights=of_runs("model.pt"),
        script="scripts/measure_trained.py",
        modules=modules_of("scripts/measure_trained.py"),
    output:
        table="<runs>/trained.csv",
    log:
        "<runs>/logs/measure_trained.log",
    benchmark:
        "<runs>/benchmarks/measure_trained.tsv"
    priority: 2
    conda:
        "../envs/torch.yaml"
    params:
        setting=lookup(dpath="{experiment}/setting", within=EXPERIMENTS),
        poison=lookup(dpath="{experiment}/name", within=EXPERIMENTS),
        runs=folders_of_runs,
        seeds=lookup(dpath="{experiment}/seeds", within=EXPERIMENTS),
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
    shell:
        "python {input.script}"
        " --setting {params.setting}"
        " --poison {params.poison}"
        " --runs {params.runs}"
        " --seeds {params.seeds}"
        " --network {params.network}"
        " --output {output.table}"
        " > {log} 2>&1"


rule retrain:
    input:
        scores="<runs>/detectors/{detector}.parquet",
        train=of_runs("data/train.npz"),
        test=of_runs("data/test.npz"),
        probe=of_runs("data/probe.npz"),
        pretrained=pretrained_networks,
        script="scripts/retrain.py",
        modules=modules_of("scripts/retrain.py"),
    output:
        table="<runs>/retrained/{detector}.csv",
    log:
        "<runs>/logs/retrain_{detector}.log",
    benchmark:
        "<runs>/benchmarks/retrain_{detector}.tsv"
    priority: 2
    conda:
        "../envs/detectors.yaml"
    params:
        setting=lookup(dpath="{experiment}/setting", within=EXPERIMENTS),
        poison=lookup(dpath="{experiment}/name", within=EXPERIMENTS),
        runs=folders_of_runs,
        seeds=lookup(dpath="{experiment}/seeds", within=EXPERIMENTS),
        removed=lookup(dpath="benches/poison/removed", within=config),
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
        epochs=lookup(dpath="{experiment}/epochs", within=EXPERIMENTS),
        batch_size=lookup(dpath="{experiment}/batch_size", within=EXPERIMENTS),
        learning_rate=lookup(dpath="training/learning_rate", within=config),
    shell:
        "python {input.script}"
        " --setting {params.setting}"
        " --poison {params.poison}"
        " --detector {wildcards.detector}"
        " --runs {params.runs}"
        " --seeds {params.seeds}"
        " --scores {input.scores}"
        " --removed {params.removed}"
        " --network {params.network}"
        " --pretrained {input.pretrained}"
        " --epochs {params.epochs}"
        " --batch-size {params.batch_size}"
        " --learning-rate {params.learning_rate}"
        " --output {output.table}"
        " > {log} 2>&1"


rule tabulate_poison_bench:
    input:
        scores=of_detectors("poison", "parquet"),
        trained=of_experiments("poison", "trained.csv"),
        retrained=of_retrained(),
        script="scripts/tabulate_poison_bench.py",
        modules=modules_of("scripts/tabulate_poison_bench.py"),
    output:
        table=report(
            "<results>/tables/poison_bench.csv",
            caption="../report/poison_bench.rst",
            category="Benches",
            labels={"result": "detectors of poison", "form": "table"},
        ),
    log:
        "<results>/logs/tabulate_poison_bench.log",
    benchmark:
        "<results>/benchmarks/tabulate_poison_bench.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of(*experiments_of("poison")),
        removed=lookup(dpath="benches/poison/removed", within=config),
    shell:
        "python {input.script}"
        " --scores {input.scores}"
        " --trained {input.trained}"
        " --retrained {input.retrained}"
        " --removed {params.removed}"
        " --table {output.table}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_remove_and_retrain:
    input:
        table="<results>/tables/poison_bench.csv",
        names="<results>/tables/names.csv",
        script="scripts/plot_remove_and_retrain.py",
        modules=modules_of("scripts/plot_remove_and_retrain.py"),
    output:
        svg=report(
            "<results>/figures/remove_and_retrain.svg",
            caption="../report/remove_and_retrain.rst",
            category="Benches",
            labels={"result": "training again without the suspects", "form": "figure"},
        ),
        png="<results>/figures/remove_and_retrain.png",
    log:
        "<results>/logs/plot_remove_and_retrain.log",
    benchmark:
        "<results>/benchmarks/plot_remove_and_retrain.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --names {input.names}"
        " --output {output}"
        " > {log} 2>&1"
