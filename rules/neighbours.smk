"""Needs the activations of a model; makes an index of each layer, and each split's neighbours in it."""


rule build_index:
    input:
        references=of_layers("<run>/layers/train/{layer}.npy"),
        script="scripts/build_index.py",
        modules=modules_of("scripts/build_index.py"),
    output:
        indices=of_layers("<run>/index/{layer}.npz"),
    log:
        "<run>/logs/build_index.log",
    benchmark:
        "<run>/benchmarks/build_index.tsv"
    priority: 2
    conda:
        "../envs/faiss.yaml"
    params:
        metric=lookup(dpath="neighbours/metric", within=config),
        engine=lookup(dpath="neighbours/engine", within=config),
        shard="1-of-1",
    shell:
        "python {input.script}"
        " --references {input.references}"
        " --metric {params.metric}"
        " --engine {params.engine}"
        " --shard {params.shard}"
        " --threads {threads}"
        " --outputs {output}"
        " > {log} 2>&1"


rule search_neighbours:
    input:
        indices=of_layers("<run>/index/{layer}.npz"),
        references=of_layers("<run>/layers/train/{layer}.npy"),
        queries=of_layers("<run>/layers/{split}/{layer}.npy"),
        script="scripts/search_neighbours.py",
        modules=modules_of("scripts/search_neighbours.py"),
    output:
        neighbours=of_layers("<run>/neighbours/{split}/{layer}.npy"),
        descriptions=of_layers("<run>/neighbours/{split}/{layer}.json"),
    log:
        "<run>/logs/search_neighbours_{split}.log",
    benchmark:
        "<run>/benchmarks/search_neighbours_{split}.tsv"
    priority: 3
    conda:
        "../envs/faiss.yaml"
    params:
        k=lookup(dpath="neighbours/k", within=config),
        exclude_self=branch(
            evaluate("{split} == 'train'"), then="--exclude-self", otherwise=""
        ),
        memory_mb=lookup(dpath="neighbours/memory_mb", within=config),
    shell:
        "python {input.script}"
        " --indices {input.indices}"
        " --references {input.references}"
        " --queries {input.queries}"
        " --k {params.k}"
        " {params.exclude_self}"
        " --memory-mb {params.memory_mb}"
        " --threads {threads}"
        " --outputs {output.neighbours}"
        " --descriptions {output.descriptions}"
        " > {log} 2>&1"
