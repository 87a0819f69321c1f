"""List all layers of a network by a dry run on two training rows, and say which are captured.

Writes a row a module, from input to output, a module after those in it, last those that are never called:
`layer`, `class`, `calls` in one run, `shape` of its output for one row (32x14x14), `floats` kept of a row
after pooling, `gigabytes` for all training rows in float32, `carries_all`, whether the logits depend on the
input through this layer alone, and `chosen`. What is not known is empty.
"""

from typing import Any

from layeraudit.activations import Pooling
from layeraudit.audit.layers import check_named, choose_layers, choose_two_rows, write_shape
from layeraudit.audit.layers import list_layers as list_all
from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows
from layeraudit.networks import read_network

COLUMNS = ("layer", "class", "calls", "shape", "floats", "gigabytes", "carries_all", "chosen")


def list_layers(
    *,
    split: Input,
    weights: Input,
    table: Output,
    network: dict[str, Any],
    names: list[str],
    pooling: Pooling,
) -> None:
    """Write the table of layers.

    names : layers to look into; none has four to six chosen
    pooling : what is kept of them
    """
    images = read_split(split)
    x = choose_two_rows(images)
    model = read_network(network, weights, images, channels_last=False)
    layers = list_all(model, x, pooling=pooling)
    check_named(model, layers, names)
    chosen = dict.fromkeys(names, "named") or choose_layers(model, layers, x, pooling=pooling)
    rows = []
    for layer in layers:
        gigabytes = layer.count_gigabytes(len(images))
        size = "" if gigabytes is None else f"{gigabytes:.6f}"
        rows.append(
            {
                "layer": layer.name,
                "class": layer.kind,
                "calls": layer.calls,
                "shape": write_shape(layer.shape),
                "floats": layer.floats,
                "gigabytes": size,
                "carries_all": layer.carries_all,
                "chosen": layer.name in chosen,
            }
        )
        if layer.name in chosen:
            print(f"{layer.name}: {chosen[layer.name]}; {size} GB")
    write_rows(table, COLUMNS, rows)


if __name__ == "__main__":
    run(list_layers)
