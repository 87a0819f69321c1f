"""Needs the poison bench; makes the answers to section 4 of the report, what it leaves to further experiments."""


rule tabulate_section_4:
    input:
        scores=of_poisoned_runs("scores/train.parquet"),
        trained=of_experiments("poison", "trained.csv"),
        retrained=of_retrained(),
        script="scripts/tabulate_section_4.py",
        modules=modules_of("scripts/tabulate_section_4.py"),
    output:
        credibility=report(
            "<results>/tables/section_4_credibility.csv",
            caption="../report/section_4.rst",
            category="Section 4",
            labels={"result": "credibility of poison", "form": "table"},
        ),
        depth=report(
            "<results>/tables/section_4_depth.csv",
            caption="../report/section_4_depth.rst",
            category="Section 4",
            labels={"result": "poison among neighbours by layer", "form": "table"},
        ),
        removal=report(
            "<results>/tables/section_4_removal.csv",
            caption="../report/section_4_removal.rst",
            category="Section 4",
            labels={"result": "training again without the suspects", "form": "table"},
        ),
        claims="<results>/claims/section_4.csv",
    log:
        "<results>/logs/tabulate_section_4.log",
    benchmark:
        "<results>/benchmarks/tabulate_section_4.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of(*experiments_of("poison")),
        settings=[experiment["setting"] for experiment, _ in poisoned_runs()],
        poisons=[experiment["name"] for experiment, _ in poisoned_runs()],
        seeds=[seed for _, seed in poisoned_runs()],
        secml=poisons_of_secml(),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script}"
        " --scores {input.scores}"
        " --settings {params.settings}"
        " --poisons {params.poisons}"
        " --seeds {params.seeds}"
        " --secml {params.secml}"
        " --trained {input.trained}"
        " --retrained {input.retrained}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --table-credibility {output.credibility}"
        " --table-depth {output.depth}"
        " --table-removal {output.removal}"
        " --claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_section_4:
    input:
        credibility="<results>/tables/section_4_credibility.csv",
        depth="<results>/tables/section_4_depth.csv",
        removal="<results>/tables/section_4_removal.csv",
        names="<results>/tables/names.csv",
        script="scripts/plot_section_4.py",
        modules=modules_of("scripts/plot_section_4.py"),
    output:
        svg=report(
            "<results>/figures/section_4.svg",
            caption="../report/section_4.rst",
            category="Section 4",
            labels={"result": "what the report leaves open", "form": "figure"},
        ),
        png="<results>/figures/section_4.png",
    log:
        "<results>/logs/plot_section_4.log",
    benchmark:
        "<results>/benchmarks/plot_section_4.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        secml=poisons_of_secml(),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script}"
        " --credibility {input.credibility}"
        " --depth {input.depth}"
        " --removal {input.removal}"
        " --names {input.names}"
        " --secml {params.secml}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --output {output}"
        " > {log} 2>&1"
