"""Needs the activations of a model; makes an index of each layer, and each split's neighbours in it."""


rule build_index:
    input:
        reference="<experiment>/seed{seed}/layers/train/{layer}.npy",
        script="scripts/build_index.py",
        modules=modules_of("scripts/build_index.py"),
    output:
        index="<experiment>/seed{seed}/index/{layer}.faiss",
        description="<experiment>/seed{seed}/index/{layer}.json",
    log:
        "<experiment>/seed{seed}/logs/build_index_{layer}.log",
    conda:
        "../envs/faiss.yaml"
    params:
        metric=lookup(dpath="neighbours/metric", within=config),
    shell:
        "python {input.script}"
        " --reference {input.reference}"
        " --metric {params.metric}"
        " --output {output.index}"
        " > {log} 2>&1"


rule search_neighbours:
    input:
        index="<experiment>/seed{seed}/index/{layer}.faiss",
        description="<experiment>/seed{seed}/index/{layer}.json",
        queries="<experiment>/seed{seed}/layers/{split}/{layer}.npy",
        script="scripts/search_neighbours.py",
        modules=modules_of("scripts/search_neighbours.py"),
    output:
        neighbours="<experiment>/seed{seed}/neighbours/{split}/{layer}.npy",
    log:
        "<experiment>/seed{seed}/logs/search_neighbours_{split}_{layer}.log",
    conda:
        "../envs/faiss.yaml"
    params:
        k=lookup(dpath="neighbours/k", within=config),
        exclude_self=branch(
            evaluate("{split} == 'train'"), then="--exclude-self", otherwise=""
        ),
    shell:
        "python {input.script}"
        " --index {input.index}"
        " --queries {input.queries}"
        " --k {params.k}"
        " {params.exclude_self}"
        " --output {output.neighbours}"
        " > {log} 2>&1"
