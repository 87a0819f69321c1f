"""Rotate the first images of a split counter-clockwise about their centre, and write them as a split.

Pixels are interpolated bilinearly; what comes into view from outside the image is 0. Labels and `source`
stay those of the images.
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path

import torch

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_split, write_split
from layeraudit.splits import take_first
from layeraudit.torchvision_beside_cpu_torch import torchvision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True, help="how many of the split, from its first")
    parser.add_argument("--degrees", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    split = take_first(read_split(arguments.split), arguments.images)
    if not math.isfinite(arguments.degrees):
        raise InputError(f"--degrees is {arguments.degrees}, allowed are finite numbers")
    rotated = torchvision.transforms.functional.rotate(
        torch.from_numpy(split.x),
        arguments.degrees,
        interpolation=torchvision.transforms.InterpolationMode.BILINEAR,
    )
    # The weights of four pixels may add up to more than 1 by a rounding.
    x = rotated.clamp(0, 1).numpy()
    write_split(arguments.output, replace(split, x=x))
    print(f"{len(split)} images rotated by {arguments.degrees:g} degrees")


if __name__ == "__main__":
    end_in_a_sentence(main)
