"""Rotate the first images of a split counter-clockwise about their centre, and write them as a split.

Pixels are interpolated bilinearly; what comes into view from outside the image is 0. Labels and `source`
stay those of the images.
"""

from dataclasses import replace

import torch

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_split
from layeraudit.splits import take_first
from layeraudit.torchvision_beside_cpu_torch import torchvision


def rotate_images(*, split: Input, output: Output, images: int, degrees: float) -> None:
    """Write rotated images.

    images : how many of the split, from its first
    """
    upright = take_first(read_split(split), images)
    rotated = torchvision.transforms.functional.rotate(
        torch.from_numpy(upright.x),
        degrees,
        interpolation=torchvision.transforms.InterpolationMode.BILINEAR,
    )
    # The weights of four pixels may add up to more than 1 by a rounding.
    write_split(output, replace(upright, x=rotated.clamp(0, 1).numpy()))
    print(f"{images} images rotated by {degrees:g} degrees")


if __name__ == "__main__":
    run(rotate_images)
