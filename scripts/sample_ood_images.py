"""Draw a random sample of the official test part of another data set, and write it as a clean split.

The rows are drawn without replacement and are in ascending order. Their labels mean nothing to a network that
was trained on other data; where there are more of them than classes that it tells apart, all are 0.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.errors import InputError
from layeraudit.files import read_dataset, read_split, write_split
from layeraudit.splits import take_clean


def sample_ood_images(*, dataset: Input, split: Input, output: Output, images: int, seed: int) -> None:
    """Write images that are out of the distribution that a model was trained on.

    split : images that the model was trained on or could have been, whose form these have to have
    images : how many
    """
    other, usual = read_dataset(dataset), read_split(split)
    test = np.arange(other.n_train, len(other.y))
    if not 1 <= images <= len(test):
        raise InputError(
            f"{images} images are asked for, allowed are 1 to {len(test)}, "
            f"which the test part of {dataset} has"
        )
    if other.x.shape[1:] != usual.x.shape[1:]:
        raise InputError(
            f"{dataset} has images of {list(other.x.shape[1:])}, allowed are those of {split}, "
            f"{list(usual.x.shape[1:])}"
        )
    rows = np.sort(np.random.default_rng(seed).choice(test, size=images, replace=False))
    labels = other.y if len(other.classes) <= usual.n_classes else np.zeros_like(other.y)
    write_split(output, take_clean(other.x, labels, rows, usual.n_classes))
    print(f"{len(rows)} of the {len(test)} images of the test part")


if __name__ == "__main__":
    run(sample_ood_images)
