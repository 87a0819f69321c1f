"""Needs the tests of each experiment's claims; makes the table that says of each whether it holds."""


rule judge_claims:
    input:
        claims=expand(
            "<results>/claims/{experiment}.csv",
            experiment=[
                "experiment_1",
                "experiment_2_1",
                "experiment_2_2",
                "dknn_mnist",
                "transfer",
                "dknn_against_transfer",
                "adaptive",
                "section_4",
            ],
        ),
        script="scripts/judge_claims.py",
        modules=modules_of("scripts/judge_claims.py"),
    output:
        claims=report(
            "<results>/tables/claims.csv",
            caption="../report/claims.rst",
            category="All verdicts",
            labels={"result": "whether each claim holds", "form": "table"},
        ),
    log:
        "<results>/logs/judge_claims.log",
    benchmark:
        "<results>/benchmarks/judge_claims.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --claims {input.claims}"
        " --output {output.claims}"
        " > {log} 2>&1"


rule summarise:
    input:
        claims="<results>/tables/claims.csv",
        experiment_1="<results>/tables/experiment_1.csv",
        experiment_2_1="<results>/tables/experiment_2_1.csv",
        detector="<results>/tables/experiment_2_1_detector.csv",
        table1="<results>/table1.csv",
        table1_memorised="<results>/tables/table1_memorised.csv",
        table1_quarter="<results>/tables/table1_quarter.csv",
        table1_quarter_flips="<results>/tables/table1_quarter_flips.csv",
        inputs="<results>/tables/dknn_mnist.csv",
        transfer="<results>/tables/transfer.csv",
        detection="<results>/tables/dknn_against_transfer.csv",
        adaptive="<results>/tables/adaptive.csv",
        script="scripts/summarise.py",
        modules=modules_of("scripts/summarise.py"),
    output:
        markdown="<results>/summary.md",
        page=report(
            "<results>/summary.html",
            caption="../report/summary.rst",
            category="All verdicts",
            labels={
                "result": "claims, and the tables of each experiment",
                "form": "page",
            },
        ),
    log:
        "<results>/logs/summarise.log",
    benchmark:
        "<results>/benchmarks/summarise.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --claims {input.claims}"
        " --experiment-1 {input.experiment_1}"
        " --experiment-2-1 {input.experiment_2_1}"
        " --detector {input.detector}"
        " --table1 {input.table1}"
        " --table1-memorised {input.table1_memorised}"
        " --table1-quarter {input.table1_quarter}"
        " --table1-quarter-flips {input.table1_quarter_flips}"
        " --inputs {input.inputs}"
        " --transfer {input.transfer}"
        " --detection {input.detection}"
        " --adaptive {input.adaptive}"
        " --markdown {output.markdown}"
        " --page {output.page}"
        " > {log} 2>&1"
