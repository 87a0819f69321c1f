"""Needs a model and its held-out images; makes other inputs that it is shown."""


rule attack:
    input:
        split="<run>/data/test.npz",
        weights="<run>/model.pt",
    output:
        output="<run>/data/{attack}.npz",
    log:
        log_of("attack_{attack}"),
    benchmark:
        benchmark_of("attack_{attack}")
    wildcard_constraints:
        attack="fgsm|bim|cw|ila",
    priority: PRIORITIES["attack"]
    conda:
        "../envs/foolbox.yaml"
    params:
        **step(
            "attack",
            method="{attack}",
            options="experiment/inputs/{attack}",
            network="experiment/network",
            batch_size="activations/batch_size",
        ),
    shell:
        STEP


rule rotate_images:
    input:
        split="<run>/data/test.npz",
    output:
        output="<run>/data/rotated.npz",
    log:
        log_of("rotate_images"),
    benchmark:
        benchmark_of("rotate_images")
    priority: PRIORITIES["attack"]
    conda:
        "../envs/torch.yaml"
    params:
        **step(
            "rotate_images",
            images="experiment/inputs/rotated/images",
            degrees="experiment/inputs/rotated/degrees",
        ),
    shell:
        STEP


def other_dataset(wildcards):
    """The file of the data set whose images a model is shown that was trained on another."""
    inputs = EXPERIMENTS[wildcards.experiment]["inputs"]
    return f"results/datasets/{inputs['other_data']['dataset']}.npz"


rule sample_ood_images:
    input:
        dataset=other_dataset,
    output:
        output="<run>/data/other_data.npz",
    log:
        log_of("sample_ood_images"),
    benchmark:
        benchmark_of("sample_ood_images")
    priority: PRIORITIES["attack"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step(
            "sample_ood_images",
            images="experiment/inputs/other_data/images",
            seed="{seed}",
        ),
    shell:
        STEP


rule craft_adaptive:
    input:
        split="<run>/data/test.npz",
        train="<run>/data/train.npz",
        weights="<run>/model.pt",
        layers="<run>/layers/train",
        calibration_layers="<run>/layers/calibration",
        calibration_neighbours="<run>/neighbours/calibration",
        index="<run>/index",
    output:
        output="<run>/data/adaptive.npz",
        record="<run>/adaptive.csv",
    log:
        log_of("craft_adaptive"),
    benchmark:
        benchmark_of("craft_adaptive")
    priority: PRIORITIES["attack"]
    conda:
        "../envs/torch_faiss.yaml"
    params:
        **step(
            "craft_adaptive",
            **SEARCH,
            network="experiment/network",
            metric="neighbours/metric",
            images="experiment/adaptive/images",
            epsilons="experiment/adaptive/epsilons",
            radii="experiment/adaptive/radii",
            guides="experiment/adaptive/guides",
            steepness="experiment/adaptive/steepness",
            steps="experiment/adaptive/steps",
            first_step="experiment/adaptive/first_step",
            intermediate_level="experiment/adaptive/intermediate_level",
            batch_size="activations/batch_size",
        ),
    shell:
        STEP
