"""Needs the activations of a model; makes an index of each layer, and each split's neighbours in it."""


rule build_index:
    input:
        reference="<experiment>/seed{seed}/layers/train/{layer}.npy",
        script="scripts/build_index.py",
        modules=modules_of("scripts/build_index.py"),
    output:
        index="<experiment>/seed{seed}/index/{layer}.npz",
    log:
        "<experiment>/seed{seed}/logs/build_index_{layer}.log",
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
        index="<experiment>/seed{seed}/index/{layer}.npz",
        reference="<experiment>/seed{seed}/layers/train/{layer}.npy",
        queries="<experiment>/seed{seed}/layers/{split}/{layer}.npy",
        script="scripts/search_neighbours.py",
        modules=modules_of("scripts/search_neighbours.py"),
    output:
        neighbours="<experiment>/seed{seed}/neighbours/{split}/{layer}.npy",
        description="<experiment>/seed{seed}/neighbours/{split}/{layer}.json",
    log:
        "<experiment>/seed{seed}/logs/search_neighbours_{split}_{layer}.log",
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
