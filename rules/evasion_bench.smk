"""Needs what inputs.smk and adaptive.smk make of a clean model; makes one split of it, and the table of who is caught."""


rule gather_inputs:
    input:
        splits=expand(
            "<run>/data/{split}.npz",
            split=inputs_of_bench().values(),
            allow_missing=True,
        ),
        script="scripts/gather_inputs.py",
        modules=modules_of("scripts/gather_inputs.py"),
    output:
        split="<run>/data/evasion.npz",
        record="<run>/evasion.csv",
    log:
        "<run>/logs/gather_inputs.log",
    benchmark:
        "<run>/benchmarks/gather_inputs.tsv"
    priority: 2
    conda:
        "../envs/numpy.yaml"
    params:
        inputs=list(inputs_of_bench()),
    shell:
        "python {input.script}"
        " --splits {input.splits}"
        " --inputs {params.inputs}"
        " --output {output.split}"
        " --output-record {output.record}"
        " > {log} 2>&1"


rule tabulate_evasion_bench:
    input:
        scores=of_detectors("evasion", "parquet"),
        script="scripts/tabulate_evasion_bench.py",
        modules=modules_of("scripts/tabulate_evasion_bench.py"),
    output:
        table=report(
            "<results>/tables/evasion_bench.csv",
            caption="../report/evasion_bench.rst",
            category="Benches",
            labels={"result": "detectors of other inputs", "form": "table"},
        ),
    log:
        "<results>/logs/tabulate_evasion_bench.log",
    benchmark:
        "<results>/benchmarks/tabulate_evasion_bench.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of(*experiments_of("evasion")),
    shell:
        "python {input.script}"
        " --scores {input.scores}"
        " --table {output.table}"
        " --run {params.run:q}"
        " > {log} 2>&1"
