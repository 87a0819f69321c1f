"""A network in a folder of Hugging Face's form, of an architecture that transformers has."""

import json
import os
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from layeraudit.errors import InputError
from layeraudit.networks import Shape
from layeraudit.networks.factory import return_logits

os.environ["HF_HUB_OFFLINE"] = "1"  # the library reads it as it is imported

from transformers import AutoModelForImageClassification

TITLE = "Hugging Face"
REFERENCE = ""
ENVIRONMENT = "hugging_face"
OPTIONS = {
    "folder": {
        "description": "The folder that holds config.json and model.safetensors, in one part or several.",
        "type": "string",
        "format": "path",
    },
    "environment": {
        "description": "A conda environment of your own, in which all runs that has to do with the network.",
        "title": "null or a file of a conda environment, .yaml or .yml",
        "type": ["string", "null"],
        "pattern": r".*\.ya?ml",
        "format": "path",
    },
}
LAYERS: list[str] = []

SHOWN = 100
"""Classes that are printed."""

PREPROCESSING = ("do_normalize", "image_mean", "image_std", "rescale_factor", "size", "crop_size")
"""What `preprocessor_config.json` says of images."""


def build(
    shape: Shape,
    n_classes: int,
    *,
    folder: str,
    environment: str | None,  # the one that this runs in
) -> nn.Module:
    """Return the network of the folder with its weights, in float32, with logits as its only output.

    Nothing is fetched, and no code of the folder runs. What its files say of images and classes is printed.

    Raises
    ------
    InputError
        Where the folder lacks a file, where the library cannot make the network of it or finds no weights for
        a part, and as `return_logits` does.
    """
    path = Path(folder)
    if not (path / "config.json").is_file():
        raise InputError(f"{folder} has no config.json, allowed is a folder as save_pretrained writes it")
    if not any(path.glob("*.safetensors")):
        raise InputError(
            f"{folder} has no weights in .safetensors, allowed is a folder with model.safetensors: pickled "
            "ones, such as pytorch_model.bin, run code"
        )
    try:
        network, loaded = AutoModelForImageClassification.from_pretrained(
            path,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # of many types
        reason = " ".join(str(error).split())
        if "trust_remote_code" in reason:
            reason = "its architecture is code of its own, which is not run"
        raise InputError(
            f"{folder} cannot be loaded: {reason[:300]}; allowed are image classifiers that transformers has"
        ) from None
    lacking = sorted(loaded["missing_keys"])
    if lacking:
        raise InputError(
            f"{folder} lacks the weights {', '.join(lacking[:3])}{' and more' * (len(lacking) > 3)}; allowed "
            "are all of the network"
        )
    _print_what_counts(path, network.config.id2label)
    return return_logits(network, shape, n_classes, source=folder, root=None)


def _print_what_counts(folder: Path, classes: dict[int, str]) -> None:
    """Print the classes, and what preprocessing the folder names, neither of which is in the weights."""
    names = [str(classes[number]) for number in sorted(classes)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    print(f"classes in the order of the logits: {', '.join(names[:SHOWN])}{more}")
    file = folder / "preprocessor_config.json"
    try:
        found: Any = json.loads(file.read_text()) if file.is_file() else {}
    except ValueError:
        found = {}
    named = {key: found[key] for key in PREPROCESSING if isinstance(found, dict) and key in found}
    if named:
        values = re.sub('"', "", json.dumps(named))[1:-1]
        print(f"{file.name} has {values}; normalisation and the size of images are the configuration's")
