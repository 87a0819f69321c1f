"""Score a split: what the network predicts for each image, and what its neighbours say.

Writes the table of `layeraudit.scores.score_split`, a row an image.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write, open_layers, open_logits, read_calibration, read_split
from layeraudit.scores import score_split


def score(
    *,
    train: Input,
    split: Input,
    neighbours: Input,
    logits: Input,
    calibration: Input,
    output: Output,
) -> None:
    """Write the scores of a split."""
    images = read_split(split)
    nonconformity, mode = read_calibration(calibration)
    scores = score_split(
        read_split(train),
        images,
        open_layers(neighbours, np.int64, rows=len(images)),
        open_logits(logits, rows=len(images)),
        nonconformity,
        mode=mode,
    )
    with atomic_write(output) as temporary:
        scores.to_parquet(temporary, index=False)
    print(
        f"{len(scores)} images: the network predicts the given label of "
        f"{(scores.dnn_label == scores.y).sum()}, "
        f"DkNN that of {(scores.dknn_label == scores.y).sum()}; "
        f"mean credibility {scores.credibility.mean():.3f}"
    )


if __name__ == "__main__":
    run(score)
