"""Needs the runs of both benches and the scores of their detectors; makes their tables, figures and page."""

from layeraudit.configuration import is_for


def experiments_of(bench):
    """The names of the experiments of a bench that have a seed."""
    return [
        name
        for name, experiment in EXPERIMENTS.items()
        if experiment["bench"] == bench and experiment["seeds"]
    ]


def detector_files(bench, suffix):
    """A file of every detector that a bench compares, in each of its experiments."""
    return expand(
        f"results/{{variant}}/{{experiment}}/detectors/{bench}/{{detector}}.{{suffix}}",
        experiment=experiments_of(bench),
        variant=config["variant"],
        detector=[name for name in config["detectors"] if is_for(bench, config, name)],
        suffix=suffix,
    )


def poisoned_experiments():
    """The names of the experiments of the poison bench that have poison."""
    return [
        name
        for name in experiments_of("poison")
        if EXPERIMENTS[name]["poison_settings"]["method"] != "none"
    ]


def poisoned_runs():
    """The experiment, with all its settings, and the seed of each run that has poison."""
    return [
        (EXPERIMENTS[name], seed)
        for name in poisoned_experiments()
        for seed in EXPERIMENTS[name]["seeds"]
    ]


def of_poisoned_runs(file):
    """A file of each of these runs."""
    return [path for name in poisoned_experiments() for path in each_seed(name, file)]


def of_first_seeds(file):
    """A file of the first of these runs of each experiment."""
    return [each_seed(name, file)[0] for name in poisoned_experiments()]


def tables_of_networks(file):
    """A table of networks of each experiment of the poison bench."""
    return [
        f"results/{config['variant']}/{name}/{file}"
        for name in experiments_of("poison")
    ]


def trained_tables():
    return tables_of_networks("trained.csv")


def retrained_tables():
    return [
        path
        for detector in config["benches"]["poison"]["retrained"]
        for path in tables_of_networks(f"retrained/{detector}.csv")
    ]


def pretrained_of_seeds(wildcards):
    """The weights that the training of each seed begins with, where there are any."""
    pretraining = EXPERIMENTS[wildcards.experiment]["pretraining"]
    return each_seed(wildcards.experiment, "pretrained.pt") if pretraining else []


def benchmarks_of(bench, *jobs):
    """The benchmarks of jobs in every run of a bench; `{split}` stands for what detectors score there."""
    split = {"poison": "train", "evasion": "evasion"}[bench]
    names = dict.fromkeys(
        name for job in jobs for name in expand(job, split=split, shard=SHARDS)
    )
    return [
        path
        for experiment in experiments_of(bench)
        for name in names
        for path in each_seed(experiment, f"benchmarks/{name}.tsv")
    ]


CAPTURE = [f"extract_layers_{split}" for split in ("train", "calibration", "{split}")]
SEARCH_JOBS = (
    ["build_index", "search_neighbours_calibration", "search_neighbours_{split}"]
    if len(SHARDS) == 1
    else [
        "build_shard_{shard}",
        "search_shard_calibration_{shard}",
        "search_shard_{split}_{shard}",
        "merge_neighbours_calibration",
        "merge_neighbours_{split}",
    ]
)
"""The jobs that all detectors of a run share."""


def files_of_names():
    """The plug-ins that the names of detectors, poisons and inputs come from."""
    shown = [EXPERIMENTS[name]["inputs"] for name in experiments_of("evasion")]
    for kind, configured in [
        ("detectors", config["detectors"]),
        ("poisons", config["poisons"]),
        *(("attacks", inputs) for inputs in shown),
    ]:
        for method in {of["method"] for of in configured.values()}:
            if method in list_methods(kind):
                yield f"scripts/layeraudit/{kind}/{method}.py"


RUN_OF_BOTH = run_of(*experiments_of("poison"), *experiments_of("evasion"))


rule evaluate_networks:
    input:
        train=every_seed("data/train.npz"),
        test=every_seed("data/test.npz"),
        probe=every_seed("data/probe_{poison}.npz"),
        weights=every_seed("model.pt"),
    output:
        table="<runs>/trained.csv",
    log:
        log_of("evaluate_networks", "<runs>"),
    benchmark:
        benchmark_of("evaluate_networks", "<runs>")
    conda:
        environment_of_network()
    params:
        **step(
            "leaderboard/evaluate_networks",
            NETWORK,
            setting="experiment/setting",
            poison="experiment/poison",
            seeds="experiment/seeds",
            network="experiment/network",
        ),
    shell:
        STEP


rule retrain:
    input:
        scores="<runs>/detectors/poison/{detector}.parquet",
        train=every_seed("data/train.npz"),
        test=every_seed("data/test.npz"),
        probe=every_seed("data/probe_{poison}.npz"),
        pretrained=pretrained_of_seeds,
    output:
        table="<runs>/retrained/{detector}.csv",
    log:
        log_of("retrain_{detector}", "<runs>"),
    benchmark:
        benchmark_of("retrain_{detector}", "<runs>")
    priority: PRIORITIES["training"]
    conda:
        environment_of_network(constant("../envs/detectors.yaml"))
    params:
        **step(
            "leaderboard/retrain",
            NETWORK,
            setting="experiment/setting",
            poison="experiment/poison",
            detector="{detector}",
            seeds="experiment/seeds",
            share="benches/poison/removed",
            network="experiment/network",
            epochs="experiment/epochs",
            batch_size="experiment/batch_size",
            learning_rate="training/learning_rate",
        ),
    shell:
        STEP


rule tabulate_poison_bench:
    input:
        scores=detector_files("poison", "parquet"),
        trained=trained_tables(),
        retrained=retrained_tables(),
    output:
        table=table("poison_bench", "Leaderboard", "detectors of poison"),
    log:
        log_of("tabulate_poison_bench", "<results>"),
    benchmark:
        benchmark_of("tabulate_poison_bench", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step(
            "leaderboard/tabulate_poison_bench",
            share="benches/poison/removed",
            run=run_of(*experiments_of("poison")),
        ),
    shell:
        STEP


rule tabulate_evasion_bench:
    input:
        scores=detector_files("evasion", "parquet"),
    output:
        table=table("evasion_bench", "Leaderboard", "detectors of other inputs"),
    log:
        log_of("tabulate_evasion_bench", "<results>"),
    benchmark:
        benchmark_of("tabulate_evasion_bench", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step(
            "leaderboard/tabulate_evasion_bench",
            run=run_of(*experiments_of("evasion")),
        ),
    shell:
        STEP


rule rank_detectors:
    input:
        poison=detector_files("poison", "parquet"),
        evasion=detector_files("evasion", "parquet"),
    output:
        ranks=table("detector_ranks", "Leaderboard", "ranks of detectors"),
        comparisons=update("<results>/tables/detector_comparisons.csv"),
    log:
        log_of("rank_detectors", "<results>"),
    benchmark:
        benchmark_of("rank_detectors", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step("leaderboard/rank_detectors", run=RUN_OF_BOTH),
    shell:
        STEP


rule tabulate_cost:
    input:
        poison=detector_files("poison", "csv"),
        evasion=detector_files("evasion", "csv"),
        capture_poison=benchmarks_of("poison", *CAPTURE),
        capture_evasion=benchmarks_of("evasion", *CAPTURE),
        search_poison=benchmarks_of("poison", *SEARCH_JOBS),
        search_evasion=benchmarks_of("evasion", *SEARCH_JOBS),
    output:
        table=table("detector_cost", "Leaderboard", "cost of detectors"),
    log:
        log_of("tabulate_cost", "<results>"),
    benchmark:
        benchmark_of("tabulate_cost", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step("leaderboard/tabulate_cost", run=RUN_OF_BOTH),
    shell:
        STEP


rule tabulate_names:
    input:
        sorted({*files_of_names()}),
    output:
        table=update("<results>/tables/names.csv"),
    log:
        log_of("tabulate_names", "<results>"),
    benchmark:
        benchmark_of("tabulate_names", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step(
            "leaderboard/tabulate_names",
            detectors="detectors",
            poisons="poisons",
            benches="benches",
            layers=constant(EXPERIMENTS[experiments_of("poison")[0]]["layers"]),
        ),
    shell:
        STEP


rule plot_bench:
    input:
        table="<results>/tables/{bench}_bench.csv",
        ranks="<results>/tables/detector_ranks.csv",
        names="<results>/tables/names.csv",
    output:
        **figure(
            "{bench}_bench",
            "Leaderboard",
            "AUROC of detectors, {bench}",
            caption="bench_figure",
        ),
    log:
        log_of("plot_bench_{bench}", "<results>"),
    benchmark:
        benchmark_of("plot_bench_{bench}", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step("leaderboard/plot_bench", bench="{bench}"),
    shell:
        STEP


rule plot_critical_difference:
    input:
        ranks="<results>/tables/detector_ranks.csv",
        comparisons="<results>/tables/detector_comparisons.csv",
        names="<results>/tables/names.csv",
    output:
        **figure(
            "critical_difference_{bench}",
            "Leaderboard",
            "ranks of detectors, {bench}",
            caption="critical_difference",
        ),
    log:
        log_of("plot_critical_difference_{bench}", "<results>"),
    benchmark:
        benchmark_of("plot_critical_difference_{bench}", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step("leaderboard/plot_critical_difference", bench="{bench}"),
    shell:
        STEP


rule plot_remove_and_retrain:
    input:
        table="<results>/tables/poison_bench.csv",
        names="<results>/tables/names.csv",
    output:
        **figure(
            "remove_and_retrain", "Leaderboard", "training again without the suspects"
        ),
    log:
        log_of("plot_remove_and_retrain", "<results>"),
    benchmark:
        benchmark_of("plot_remove_and_retrain", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step("leaderboard/plot_remove_and_retrain"),
    shell:
        STEP


rule make_leaderboard:
    input:
        sorted(Path("scripts/layeraudit/pages").glob("*.[!p]*")),
        "scripts/layeraudit/leaderboard/page.html.j2",
        tables=expand(
            "<results>/tables/{table}.csv",
            table=[
                "poison_bench",
                "evasion_bench",
                "detector_ranks",
                "detector_comparisons",
                "detector_cost",
                "names",
            ],
        ),
        figures=expand(
            "<results>/figures/{figure}.svg",
            figure=[
                "critical_difference_poison",
                "critical_difference_evasion",
                "poison_bench",
                "evasion_bench",
                "remove_and_retrain",
            ],
        ),
        scores=[
            *detector_files("poison", "parquet"),
            *detector_files("evasion", "parquet"),
        ],
        poison=of_first_seeds("data/poison_{poison}.npz"),
        sources=of_first_seeds("data/attack_sources.npz"),
        citation="CITATION.cff",
    output:
        output=update(directory("<results>/leaderboard")),
    log:
        log_of("make_leaderboard", "<results>"),
    benchmark:
        benchmark_of("make_leaderboard", "<results>")
    conda:
        "../envs/tables.yaml"
    params:
        **step("leaderboard/make_leaderboard"),
    shell:
        STEP
