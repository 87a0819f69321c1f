"""Needs splits, scores and neighbours of one seed; makes pictures of poison points and of neighbours."""

POISON_SHOWN = f"poison_{POISONS_SHOWN[-1]}"

SHEETS = {
    "clean": ("clean", POISON_SHOWN, f"{POISON_SHOWN}.csv", "without"),
    # The poison that a network has learned is part of its training split.
    "poisoned": (
        "two_digits_memorised",
        "train",
        "poison_{poison}.csv",
        "with",
    ),
}
"""Of each sheet its experiment, the split and the record of poison, and whether it was in training."""


def first_seed(experiment, file):
    """A file of the seed that pictures of single images are of, which is not chosen for what it shows."""
    return each_seed(experiment, file)[0]


rule plot_poison_grid:
    input:
        dataset=f"results/datasets/{EXPERIMENTS['clean']['dataset']}.npz",
        poison=first_seed("clean", f"data/{POISON_SHOWN}.npz"),
        scores=first_seed("clean", f"scores/{POISON_SHOWN}.parquet"),
        record=first_seed("clean", f"{POISON_SHOWN}.csv"),
    output:
        **figure("poison_grid", "Pictures", "poison points and their source images"),
    log:
        log_of("plot_poison_grid", "<results>"),
    benchmark:
        benchmark_of("plot_poison_grid", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_poison_grid", run=run_of("clean")),
    shell:
        STEP


for sheet, (experiment, split, record, with_or_without) in SHEETS.items():

    rule:
        name:
            f"plot_neighbour_sheet_{sheet}"
        input:
            train=first_seed(experiment, "data/train.npz"),
            test=first_seed(experiment, "data/test.npz"),
            test_scores=first_seed(experiment, "scores/test.parquet"),
            test_neighbours=first_seed(experiment, "neighbours/test"),
            poison=first_seed(experiment, f"data/{split}.npz"),
            poison_scores=first_seed(experiment, f"scores/{split}.parquet"),
            poison_neighbours=first_seed(experiment, f"neighbours/{split}"),
            record=first_seed(experiment, record),
        output:
            **figure(
                f"neighbours_{sheet}",
                "Pictures",
                f"neighbours, training set {with_or_without} poison",
                caption="neighbour_sheet",
            ),
        log:
            log_of(f"plot_neighbour_sheet_{sheet}", "<results>"),
        benchmark:
            benchmark_of(f"plot_neighbour_sheet_{sheet}", "<results>")
        conda:
            "../../envs/tables.yaml"
        params:
            **step(
                "report/plot_neighbour_sheet",
                run=run_of(experiment),
            ),
        shell:
            STEP
