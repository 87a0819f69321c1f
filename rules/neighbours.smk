"""Needs the activations of a model; makes an index of each layer, and each split's neighbours in it."""

SEARCH = dict(
    k="neighbours/k",
    memory_mb="neighbours/memory_mb",
)
"""Settings of every search."""


def is_training_split(wildcards):
    """Whether the queries are the index's own rows, none of which is its own neighbour."""
    return wildcards.split == "train"


def threads_of_search(wildcards):
    """All cores where a run stands alone, as an audit's does; of many runs, several are searched at once."""
    stands_alone = wildcards.split == "train" and find("experiment/audit", wildcards)
    return (workflow.cores or 1) if stands_alone else 1


rule build_index:
    input:
        references="<run>/layers/train",
    output:
        output=directory("<run>/index"),
    log:
        log_of("build_index"),
    benchmark:
        benchmark_of("build_index")
    priority: PRIORITIES["index"]
    conda:
        "../envs/faiss.yaml"
    params:
        **step(
            "build_index",
            metric="neighbours/metric",
            engine="neighbours/engine",
        ),
    shell:
        STEP_ON_THREADS


rule search_neighbours:
    input:
        index="<run>/index",
        references="<run>/layers/train",
        queries="<run>/layers/{split}",
    output:
        output=directory("<run>/neighbours/{split}"),
    log:
        log_of("search_neighbours_{split}"),
    benchmark:
        benchmark_of("search_neighbours_{split}")
    priority: PRIORITIES["search"]
    conda:
        "../envs/faiss.yaml"
    threads: threads_of_search
    params:
        **step("search_neighbours", **SEARCH, exclude_self=is_training_split),
    shell:
        STEP_ON_THREADS


SHARDS = [
    f"{number + 1}-of-{config['neighbours']['shards']}"
    for number in range(config["neighbours"]["shards"])
]

if len(SHARDS) > 1:

    include: "shards.smk"
