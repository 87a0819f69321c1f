"""Needs splits, scores and neighbours of one seed; makes pictures of poison points and of neighbours."""

# A picture shows single images, so it is of one seed: the first, which is not chosen for what it shows.
POISON_SHOWN = f"poison_{max(config['poison']['test_points'])}"


rule plot_poison_grid:
    input:
        dataset="results/datasets/mnist.npz",
        poison=of_seeds("clean", f"data/{POISON_SHOWN}.npz")[0],
        scores=of_seeds("clean", f"scores/{POISON_SHOWN}.parquet")[0],
        record=of_seeds("clean", f"{POISON_SHOWN}.csv")[0],
        script="scripts/plot_poison_grid.py",
        modules=modules_of("scripts/plot_poison_grid.py"),
    output:
        svg=report(
            "<results>/figures/poison_grid.svg",
            caption="../report/poison_grid.rst",
            category="Pictures",
            labels={"result": "poison points and their source images"},
        ),
        png="<results>/figures/poison_grid.png",
    log:
        "<results>/logs/plot_poison_grid.log",
    benchmark:
        "<results>/benchmarks/plot_poison_grid.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
    shell:
        "python {input.script}"
        " --dataset {input.dataset}"
        " --poison {input.poison}"
        " --scores {input.scores}"
        " --record {input.record}"
        " --output {output}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_neighbour_sheet:
    input:
        train=of_seeds("clean", "data/train.npz")[0],
        test=of_seeds("clean", "data/test.npz")[0],
        test_scores=of_seeds("clean", "scores/test.parquet")[0],
        test_neighbours=expand(
            of_seeds("clean", "neighbours/test/{layer}.npy")[0],
            layer=config["activations"]["layers"],
        ),
        poison=of_seeds("clean", f"data/{POISON_SHOWN}.npz")[0],
        poison_scores=of_seeds("clean", f"scores/{POISON_SHOWN}.parquet")[0],
        poison_neighbours=expand(
            of_seeds("clean", f"neighbours/{POISON_SHOWN}/{{layer}}.npy")[0],
            layer=config["activations"]["layers"],
        ),
        record=of_seeds("clean", f"{POISON_SHOWN}.csv")[0],
        script="scripts/plot_neighbour_sheet.py",
        modules=modules_of("scripts/plot_neighbour_sheet.py"),
    output:
        svg=report(
            "<results>/figures/neighbours_clean.svg",
            caption="../report/neighbour_sheet.rst",
            category="Pictures",
            labels={"result": "neighbours, training set without poison"},
        ),
        png="<results>/figures/neighbours_clean.png",
    log:
        "<results>/logs/plot_neighbour_sheet.log",
    benchmark:
        "<results>/benchmarks/plot_neighbour_sheet.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --test {input.test}"
        " --test-scores {input.test_scores}"
        " --test-neighbours {input.test_neighbours}"
        " --poison {input.poison}"
        " --poison-scores {input.poison_scores}"
        " --poison-neighbours {input.poison_neighbours}"
        " --record {input.record}"
        " --output {output}"
        " --run {params.run:q}"
        " > {log} 2>&1"


use rule plot_neighbour_sheet as plot_neighbour_sheet_poisoned with:
    input:
        train=of_seeds("two_digits_memorised", "data/train.npz")[0],
        test=of_seeds("two_digits_memorised", "data/test.npz")[0],
        test_scores=of_seeds("two_digits_memorised", "scores/test.parquet")[0],
        test_neighbours=expand(
            of_seeds("two_digits_memorised", "neighbours/test/{layer}.npy")[0],
            layer=config["activations"]["layers"],
        ),
        # The poison that a network has learned is part of its training split.
        poison=of_seeds("two_digits_memorised", "data/train.npz")[0],
        poison_scores=of_seeds("two_digits_memorised", "scores/train.parquet")[0],
        poison_neighbours=expand(
            of_seeds("two_digits_memorised", "neighbours/train/{layer}.npy")[0],
            layer=config["activations"]["layers"],
        ),
        record=expand(
            of_seeds("two_digits_memorised", "poison_{points}.csv")[0],
            points=config["experiments"]["two_digits_memorised"]["poison"],
        ),
        script="scripts/plot_neighbour_sheet.py",
        modules=modules_of("scripts/plot_neighbour_sheet.py"),
    output:
        svg=report(
            "<results>/figures/neighbours_poisoned.svg",
            caption="../report/neighbour_sheet.rst",
            category="Pictures",
            labels={"result": "neighbours, training set with poison"},
        ),
        png="<results>/figures/neighbours_poisoned.png",
    log:
        "<results>/logs/plot_neighbour_sheet_poisoned.log",
    benchmark:
        "<results>/benchmarks/plot_neighbour_sheet_poisoned.tsv"
