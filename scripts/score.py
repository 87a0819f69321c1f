"""Score a split: what the network says of each image, and what its neighbours say.

Writes a row an image: `row, y, y_true, is_poison, dnn_label, dnn_confidence` (softmax), `dknn_label,
credibility, confidence, nonconformity` (of the DkNN label), and for each layer `poison_neighbours_{layer}`,
`same_label_neighbours_{layer}` and `dnn_label_neighbours_{layer}`: how many of the k neighbours are poison,
were given the label that the image was given, and were given the label that the network gives the image.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from layeraudit.dknn import count_nonconformity, judge
from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import open_matrix, read_arrays, read_split, written_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument(
        "--neighbours", type=Path, nargs="+", required=True, help="{layer}.npy for each layer"
    )
    parser.add_argument("--logits", type=Path, required=True, help="of the split")
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    train = read_split(arguments.train)
    split = read_split(arguments.split)
    neighbours = {path.stem: open_matrix(path, np.int64, rows=len(split)) for path in arguments.neighbours}
    logits = open_matrix(arguments.logits, np.float32, rows=len(split)).astype(np.float64)
    if not np.isfinite(logits).all():
        raise InputError(f"{arguments.logits} holds NaN or infinity, allowed are finite numbers")
    calibration, mode = read_arrays(arguments.calibration, "nonconformity", "mode")

    nonconformity = count_nonconformity(list(neighbours.values()), train.y, n_classes=logits.shape[1])
    judgement = judge(nonconformity, calibration, mode=str(mode))
    dnn_label = logits.argmax(axis=1)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = pd.DataFrame(
        {
            "row": np.arange(len(split)),
            "y": split.y,
            "y_true": split.y_true,
            "is_poison": split.is_poison,
            "dnn_label": dnn_label,
            "dnn_confidence": exponentials.max(axis=1) / exponentials.sum(axis=1),
            "dknn_label": judgement.label,
            "credibility": judgement.credibility,
            "confidence": judgement.confidence,
            "nonconformity": judgement.nonconformity,
        }
        | {
            f"poison_neighbours_{layer}": train.is_poison[rows].sum(axis=1)
            for layer, rows in neighbours.items()
        }
        | {
            f"same_label_neighbours_{layer}": (train.y[rows] == split.y[:, np.newaxis]).sum(axis=1)
            for layer, rows in neighbours.items()
        }
        | {
            f"dnn_label_neighbours_{layer}": (train.y[rows] == dnn_label[:, np.newaxis]).sum(axis=1)
            for layer, rows in neighbours.items()
        }
    )
    with written_whole(arguments.output) as temporary:
        scores.to_parquet(temporary, index=False)
    print(
        f"{len(scores)} images: the network gives {(scores.dnn_label == scores.y).sum()} their given label, "
        f"DkNN {(scores.dknn_label == scores.y).sum()}; mean credibility {scores.credibility.mean():.3f}"
    )


if __name__ == "__main__":
    end_in_a_sentence(main)
