"""Needs the activations of a model; makes an index of each layer, and each split's neighbours in it."""


rule build_index:
    input:
        reference="<run>/layers/train/{layer}.npy",
        script="scripts/build_index.py",
        modules=modules_of("scripts/build_index.py"),
    output:
        index="<run>/index/{layer}.npz",
    log:
        "<run>/logs/build_index_{layer}.log",
    benchmark:
        "<run>/benchmarks/build_index_{layer}.tsv"
    priority: 2
    conda:
        "../envs/faiss.yaml"
    params:
        metric=lookup(dpath="neighbours/metric", within=config),
        engine=lookup(dpath="neighbours/engine", within=config),
        shard="1-of-1",
    shell:
        "python {input.script}"
        " --reference {input.reference}"
        " --metric {params.metric}"
        " --engine {params.engine}"
        " --shard {params.shard}"
        " --threads {threads}"
        " --output {output.index}"
        " > {log} 2>&1"


rule search_neighbours:
    input:
        index="<run>/index/{layer}.npz",
        reference="<run>/layers/train/{layer}.npy",
        queries="<run>/layers/{split}/{layer}.npy",
        script="scripts/search_neighbours.py",
        modules=modules_of("scripts/search_neighbours.py"),
    output:
        neighbours="<run>/neighbours/{split}/{layer}.npy",
        description="<run>/neighbours/{split}/{layer}.json",
    log:
        "<run>/logs/search_neighbours_{split}_{layer}.log",
    benchmark:
        "<run>/benchmarks/search_neighbours_{split}_{layer}.tsv"
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
        " --index {input.index}"
        " --reference {input.reference}"
        " --queries {input.queries}"
        " --k {params.k}"
        " {params.exclude_self}"
        " --memory-mb {params.memory_mb}"
        " --threads {threads}"
        " --output {output.neighbours}"
        " --description {output.description}"
        " > {log} 2>&1"
