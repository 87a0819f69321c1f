"""Needs what neighbours.smk needs; makes the same from parts of the training split, a job each."""


ruleorder: merge_neighbours > search_neighbours


use rule build_index as build_shard with:
    output:
        output=directory("<run>/shards/{shard}/index"),
    log:
        log_of("build_shard_{shard}"),
    benchmark:
        benchmark_of("build_shard_{shard}")
    params:
        **step(
            "build_index",
            metric="neighbours/metric",
            engine="neighbours/engine",
            shard="{shard}",
        ),


rule search_shard:
    input:
        index="<run>/shards/{shard}/index",
        references="<run>/layers/train",
        queries="<run>/layers/{split}",
    output:
        output=directory("<run>/shards/{shard}/neighbours/{split}"),
    log:
        log_of("search_shard_{split}_{shard}"),
    benchmark:
        benchmark_of("search_shard_{split}_{shard}")
    priority: PRIORITIES["search"]
    conda:
        "../envs/faiss.yaml"
    params:
        **step(
            "search_shard", **SEARCH, exclude_self=is_training_split, shard="{shard}"
        ),
    shell:
        STEP_ON_THREADS


rule merge_neighbours:
    input:
        shards=expand(
            "<run>/shards/{shard}/neighbours/{split}", shard=SHARDS, allow_missing=True
        ),
        references="<run>/layers/train",
        queries="<run>/layers/{split}",
    output:
        output=directory("<run>/neighbours/{split}"),
    log:
        log_of("merge_neighbours_{split}"),
    benchmark:
        benchmark_of("merge_neighbours_{split}")
    priority: PRIORITIES["search"]
    conda:
        "../envs/faiss.yaml"
    params:
        **step(
            "merge_neighbours",
            **SEARCH,
            exclude_self=is_training_split,
            metric="neighbours/metric",
            engine="neighbours/engine",
        ),
    shell:
        STEP_ON_THREADS
