"""Needs what neighbours.smk needs; makes the same from parts of the training split, a job each."""


ruleorder: merge_neighbours > search_neighbours


use rule build_index as build_shard with:
    input:
        references="<run>/layers/train/{layer}.npy",
        script="scripts/build_index.py",
        modules=modules_of("scripts/build_index.py"),
    output:
        index="<run>/index/{layer}/{scatteritem}.npz",
    log:
        "<run>/logs/build_shard_{layer}_{scatteritem}.log",
    benchmark:
        "<run>/benchmarks/build_shard_{layer}_{scatteritem}.tsv"
    params:
        metric=lookup(dpath="neighbours/metric", within=config),
        engine=lookup(dpath="neighbours/engine", within=config),
        shard="{scatteritem}",


rule search_shard:
    input:
        index="<run>/index/{layer}/{scatteritem}.npz",
        reference="<run>/layers/train/{layer}.npy",
        queries="<run>/layers/{split}/{layer}.npy",
        script="scripts/search_shard.py",
        modules=modules_of("scripts/search_shard.py"),
    output:
        neighbours="<run>/neighbours/{split}/{layer}/{scatteritem}.npy",
    log:
        "<run>/logs/search_shard_{split}_{layer}_{scatteritem}.log",
    benchmark:
        "<run>/benchmarks/search_shard_{split}_{layer}_{scatteritem}.tsv"
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
        " --shard {wildcards.scatteritem}"
        " --k {params.k}"
        " {params.exclude_self}"
        " --memory-mb {params.memory_mb}"
        " --threads {threads}"
        " --output {output.neighbours}"
        " > {log} 2>&1"


rule merge_neighbours:
    input:
        shards=gather.shard("<run>/neighbours/{{split}}/{{layer}}/{scatteritem}.npy"),
        reference="<run>/layers/train/{layer}.npy",
        queries="<run>/layers/{split}/{layer}.npy",
        script="scripts/merge_neighbours.py",
        modules=modules_of("scripts/merge_neighbours.py"),
    output:
        neighbours="<run>/neighbours/{split}/{layer}.npy",
        description="<run>/neighbours/{split}/{layer}.json",
    log:
        "<run>/logs/merge_neighbours_{split}_{layer}.log",
    benchmark:
        "<run>/benchmarks/merge_neighbours_{split}_{layer}.tsv"
    priority: 3
    conda:
        "../envs/faiss.yaml"
    params:
        metric=lookup(dpath="neighbours/metric", within=config),
        engine=lookup(dpath="neighbours/engine", within=config),
        k=lookup(dpath="neighbours/k", within=config),
        exclude_self=branch(
            evaluate("{split} == 'train'"), then="--exclude-self", otherwise=""
        ),
        memory_mb=lookup(dpath="neighbours/memory_mb", within=config),
    shell:
        "python {input.script}"
        " --shards {input.shards}"
        " --reference {input.reference}"
        " --queries {input.queries}"
        " --metric {params.metric}"
        " --engine {params.engine}"
        " --k {params.k}"
        " {params.exclude_self}"
        " --memory-mb {params.memory_mb}"
        " --threads {threads}"
        " --output {output.neighbours}"
        " --description {output.description}"
        " > {log} 2>&1"
