"""Make poison, and what is to show that it works.

The method is a module of `layeraudit.poisons`. Two splits are written: the poison points, whose `y` is the
label given; and the probe, test images as the attacker shows them, whose `y` is the label that the attacker
wants the network to predict. The probe has no rows where none is wanted in particular. The record is a table
of the points, see `layeraudit.poisons.describe_points`.
"""

from typing import Any

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.plugins import load, split_settings
from layeraudit.poisons import AttackerData, describe_points


def make_poison(
    *,
    sources: Input,
    validation: Input,
    test: Input,
    pretrained: Input | None = None,
    poison: Output,
    probe: Output,
    record: Output,
    settings: dict[str, Any],
    n_clean: int,
    network: dict[str, Any] | None,
    seed: int,
) -> None:
    """Write poison points, their probe and their record.

    sources : images that may become poison
    validation : further images of the attacker's
    pretrained : weights that training begins with
    settings : `method`, and its options
    n_clean : clean training images beside the poison
    network : that of the pretrained weights
    """
    images = read_split(sources)
    data = AttackerData(
        sources=images,
        validation=read_split(validation),
        test=read_split(test),
        n_clean=n_clean,
        n_classes=images.n_classes,
        network=network,
        weights=pretrained,
    )
    method, options = split_settings(settings)
    made = load("poisons", method).poison(data, seed=seed, **options)
    write_split(poison, made.points)
    write_split(probe, made.probe)
    columns = describe_points(made, images)
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    write_rows(record, list(columns), rows)
    print(f"{len(made.points)} poison points beside {n_clean} clean images; probe: {len(made.probe)}")


if __name__ == "__main__":
    run(make_poison)
