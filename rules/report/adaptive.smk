"""Needs the activations, indices and neighbours of clean models; makes an attack on Deep k-nearest neighbours itself."""


rule craft_adaptive:
    input:
        split="<run>/data/test.npz",
        train="<run>/data/train.npz",
        weights="<run>/model.pt",
        layers=of_layers("<run>/layers/train/{layer}.npy"),
        calibration_layers=of_layers("<run>/layers/calibration/{layer}.npy"),
        calibration_neighbours=of_layers("<run>/neighbours/calibration/{layer}.npy"),
        indices=of_layers("<run>/index/{layer}.npz"),
        script="scripts/craft_adaptive.py",
        modules=modules_of("scripts/craft_adaptive.py"),
    output:
        attacked="<run>/data/adaptive.npz",
        record="<run>/adaptive.csv",
    log:
        "<run>/logs/craft_adaptive.log",
    benchmark:
        "<run>/benchmarks/craft_adaptive.tsv"
    priority: 2
    conda:
        "../envs/torch_faiss.yaml"
    params:
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
        k=lookup(dpath="neighbours/k", within=config),
        memory_mb=lookup(dpath="neighbours/memory_mb", within=config),
        metric=lookup(dpath="neighbours/metric", within=config),
        images=lookup(dpath="{experiment}/adaptive/images", within=EXPERIMENTS),
        epsilons=lookup(dpath="{experiment}/adaptive/epsilons", within=EXPERIMENTS),
        radii=lookup(dpath="{experiment}/adaptive/radii", within=EXPERIMENTS),
        guide_layer=lookup(
            dpath="{experiment}/adaptive/guides/layer", within=EXPERIMENTS
        ),
        classes=lookup(dpath="{experiment}/adaptive/guides/classes", within=EXPERIMENTS),
        toward=lookup(dpath="{experiment}/adaptive/guides/toward", within=EXPERIMENTS),
        away=lookup(dpath="{experiment}/adaptive/guides/away", within=EXPERIMENTS),
        steepness=lookup(dpath="{experiment}/adaptive/steepness", within=EXPERIMENTS),
        steps=lookup(dpath="{experiment}/adaptive/steps", within=EXPERIMENTS),
        first_step=lookup(dpath="{experiment}/adaptive/first_step", within=EXPERIMENTS),
        ila_epsilon=lookup(
            dpath="{experiment}/adaptive/intermediate_level/epsilon",
            within=EXPERIMENTS,
        ),
        ila_steps=lookup(
            dpath="{experiment}/adaptive/intermediate_level/steps", within=EXPERIMENTS
        ),
        batch_size=lookup(dpath="activations/batch_size", within=config),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --images {params.images}"
        " --train {input.train}"
        " --network {params.network}"
        " --weights {input.weights}"
        " --layers {input.layers}"
        " --calibration-layers {input.calibration_layers}"
        " --calibration-neighbours {input.calibration_neighbours}"
        " --indices {input.indices}"
        " --k {params.k}"
        " --memory-mb {params.memory_mb}"
        " --metric {params.metric}"
        " --epsilons {params.epsilons}"
        " --radii {params.radii}"
        " --guide-layer {params.guide_layer}"
        " --classes {params.classes}"
        " --toward {params.toward}"
        " --away {params.away}"
        " --steepness {params.steepness}"
        " --steps {params.steps}"
        " --first-step {params.first_step}"
        " --ila-epsilon {params.ila_epsilon}"
        " --ila-steps {params.ila_steps}"
        " --batch-size {params.batch_size}"
        " --output {output.attacked}"
        " --output-record {output.record}"
        " > {log} 2>&1"


rule tabulate_adaptive:
    input:
        records=of_seeds("clean", "adaptive.csv"),
        scores=of_seeds("clean", "scores/adaptive.parquet"),
        test_scores=of_seeds("clean", "scores/test.parquet"),
        calibration_scores=of_seeds("clean", "scores/calibration.parquet"),
        script="scripts/tabulate_adaptive.py",
        modules=modules_of("scripts/tabulate_adaptive.py"),
    output:
        table=report(
            "<results>/tables/adaptive.csv",
            caption="../report/adaptive.rst",
            category="Attacks that know the defence",
            labels={"result": "DkNN under attack", "form": "table"},
        ),
        claims="<results>/claims/adaptive.csv",
    log:
        "<results>/logs/tabulate_adaptive.log",
    benchmark:
        "<results>/benchmarks/tabulate_adaptive.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
        as_published=["--as-published"] if "adaptive" in as_published() else [],
        epsilons=lookup(dpath="adaptive/epsilons", within=config),
    shell:
        "python {input.script} {params.as_published}"
        " --records {input.records}"
        " --scores {input.scores}"
        " --test-scores {input.test_scores}"
        " --calibration-scores {input.calibration_scores}"
        " --epsilons {params.epsilons}"
        " --table {output.table}"
        " --claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_adaptive:
    input:
        table="<results>/tables/adaptive.csv",
        script="scripts/plot_adaptive.py",
        modules=modules_of("scripts/plot_adaptive.py"),
    output:
        svg=report(
            "<results>/figures/adaptive.svg",
            caption="../report/adaptive.rst",
            category="Attacks that know the defence",
            labels={"result": "DkNN under attack", "form": "figure"},
        ),
        png="<results>/figures/adaptive.png",
    log:
        "<results>/logs/plot_adaptive.log",
    benchmark:
        "<results>/benchmarks/plot_adaptive.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --output {output}"
        " > {log} 2>&1"
