"""Needs the activations and neighbours of a bench's runs; makes the scores of each detector, and their comparison."""


# A bench's activations stay, so that a new detector needs nothing but itself.
use rule extract_layers as extract_layers_to_stay with:
    output:
        hidden=expand(
            "<run>/layers/{split}/{layer}.npy",
            layer=hidden_layers(),
            allow_missing=True,
        ),
        logits="<run>/layers/{split}/fc.npy",
    wildcard_constraints:
        experiment=names_of_benches(),


ruleorder: extract_layers_to_stay > extract_layers


rule score_detector:
    input:
        data=of_runs("data/train.npz", "data/calibration.npz"),
        layers=layers_of_bench,
        neighbours=neighbours_of_bench,
        judged=judged_of_bench,
        method=file_of_detector,
        script="scripts/score_detector.py",
        modules=modules_of_detector,
    output:
        scores="<runs>/detectors/{detector}.parquet",
        costs="<runs>/detectors/{detector}.csv",
    log:
        "<runs>/logs/score_detector_{detector}.log",
    benchmark:
        "<runs>/benchmarks/score_detector_{detector}.tsv"
    priority: 2
    conda:
        environment_of_detector
    params:
        names=names_of_experiment,
        method=lookup(dpath="detectors/{detector}/method", within=config),
        options=options_of_detector,
        runs=folders_of_runs,
        seeds=lookup(dpath="{experiment}/seeds", within=EXPERIMENTS),
        layers=lookup(dpath="activations/layers", within=config),
    shell:
        "python {input.script}"
        " {params.names}"
        " --detector {wildcards.detector}"
        " --method {params.method}"
        " --options {params.options:q}"
        " --runs {params.runs}"
        " --seeds {params.seeds}"
        " --layers {params.layers}"
        " --output-scores {output.scores}"
        " --output-costs {output.costs}"
        " > {log} 2>&1"


rule tabulate_names:
    input:
        methods=files_of_methods(),
        script="scripts/tabulate_names.py",
        modules=modules_of("scripts/tabulate_names.py"),
    output:
        table="<results>/tables/names.csv",
    log:
        "<results>/logs/tabulate_names.log",
    benchmark:
        "<results>/benchmarks/tabulate_names.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        configuration=settings_with_names(),
    shell:
        "python {input.script}"
        " --configuration {params.configuration:q}"
        " --table {output.table}"
        " > {log} 2>&1"


rule rank_detectors:
    input:
        poison=of_detectors("poison", "parquet"),
        evasion=of_detectors("evasion", "parquet"),
        script="scripts/rank_detectors.py",
        modules=modules_of("scripts/rank_detectors.py"),
    output:
        ranks=report(
            "<results>/tables/detector_ranks.csv",
            caption="../report/detector_ranks.rst",
            category="Benches",
            labels={"result": "ranks of detectors", "form": "table"},
        ),
        comparisons="<results>/tables/detector_comparisons.csv",
    log:
        "<results>/logs/rank_detectors.log",
    benchmark:
        "<results>/benchmarks/rank_detectors.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of(*experiments_of("poison"), *experiments_of("evasion")),
    shell:
        "python {input.script}"
        " --poison-scores {input.poison}"
        " --evasion-scores {input.evasion}"
        " --ranks {output.ranks}"
        " --comparisons {output.comparisons}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule tabulate_cost:
    input:
        poison=of_detectors("poison", "csv"),
        evasion=of_detectors("evasion", "csv"),
        capture_poison=of_bench("poison", "capture"),
        capture_evasion=of_bench("evasion", "capture"),
        search_poison=of_bench("poison", "search"),
        search_evasion=of_bench("evasion", "search"),
        script="scripts/tabulate_cost.py",
        modules=modules_of("scripts/tabulate_cost.py"),
    output:
        table=report(
            "<results>/tables/detector_cost.csv",
            caption="../report/detector_cost.rst",
            category="Benches",
            labels={"result": "cost of detectors", "form": "table"},
        ),
    log:
        "<results>/logs/tabulate_cost.log",
    benchmark:
        "<results>/benchmarks/tabulate_cost.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of(*experiments_of("poison"), *experiments_of("evasion")),
    shell:
        "python {input.script}"
        " --costs-poison {input.poison}"
        " --costs-evasion {input.evasion}"
        " --capture-poison {input.capture_poison}"
        " --capture-evasion {input.capture_evasion}"
        " --search-poison {input.search_poison}"
        " --search-evasion {input.search_evasion}"
        " --table {output.table}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_bench:
    input:
        table="<results>/tables/{bench}_bench.csv",
        ranks="<results>/tables/detector_ranks.csv",
        names="<results>/tables/names.csv",
        script="scripts/plot_bench.py",
        modules=modules_of("scripts/plot_bench.py"),
    output:
        svg=report(
            "<results>/figures/{bench}_bench.svg",
            caption="../report/bench_figure.rst",
            category="Benches",
            labels={"result": "AUROC of detectors, {bench}", "form": "figure"},
        ),
        png="<results>/figures/{bench}_bench.png",
    log:
        "<results>/logs/plot_bench_{bench}.log",
    benchmark:
        "<results>/benchmarks/plot_bench_{bench}.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --table {input.table}"
        " --ranks {input.ranks}"
        " --names {input.names}"
        " --bench {wildcards.bench}"
        " --output {output}"
        " > {log} 2>&1"


rule plot_critical_difference:
    input:
        ranks="<results>/tables/detector_ranks.csv",
        comparisons="<results>/tables/detector_comparisons.csv",
        names="<results>/tables/names.csv",
        script="scripts/plot_critical_difference.py",
        modules=modules_of("scripts/plot_critical_difference.py"),
    output:
        svg=report(
            "<results>/figures/critical_difference_{bench}.svg",
            caption="../report/critical_difference.rst",
            category="Benches",
            labels={"result": "ranks of detectors, {bench}", "form": "figure"},
        ),
        png="<results>/figures/critical_difference_{bench}.png",
    log:
        "<results>/logs/plot_critical_difference_{bench}.log",
    benchmark:
        "<results>/benchmarks/plot_critical_difference_{bench}.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --ranks {input.ranks}"
        " --comparisons {input.comparisons}"
        " --names {input.names}"
        " --bench {wildcards.bench}"
        " --output {output}"
        " > {log} 2>&1"


rule make_leaderboard:
    input:
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
            *of_detectors("poison", "parquet"),
            *of_detectors("evasion", "parquet"),
        ],
        poison=of_first_seeds("data/poison.npz"),
        sources=of_first_seeds("data/attack_sources.npz"),
        citation="CITATION.cff",
        templates=sorted(map(str, Path("scripts/layeraudit/pages").glob("*.[!p]*"))),
        script="scripts/make_leaderboard.py",
        modules=modules_of("scripts/make_leaderboard.py"),
    output:
        page=directory("<results>/leaderboard"),
    log:
        "<results>/logs/make_leaderboard.log",
    benchmark:
        "<results>/benchmarks/make_leaderboard.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --tables {input.tables}"
        " --figures {input.figures}"
        " --scores {input.scores}"
        " --poison {input.poison}"
        " --sources {input.sources}"
        " --citation {input.citation}"
        " --output {output.page}"
        " > {log} 2>&1"
