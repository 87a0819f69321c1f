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
    output:
        table=table("claims", "All verdicts", "whether each claim holds"),
    log:
        log_of("judge_claims", "<results>"),
    benchmark:
        benchmark_of("judge_claims", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/judge_claims"),
    shell:
        STEP


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
    output:
        markdown=update("<results>/summary.md"),
        page=finished(
            "<results>/summary.html",
            "All verdicts",
            "claims, and the tables of each experiment",
            "page",
            "summary",
        ),
    log:
        log_of("summarise", "<results>"),
    benchmark:
        benchmark_of("summarise", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/summarise"),
    shell:
        STEP
