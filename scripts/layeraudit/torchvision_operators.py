"""What torchvision needs to be imported beside a build of torch that has no CUDA.

torchvision's compiled operators need CUDA's libraries where its build was made for them. Without those the
operators are left out, but the import still describes two of them to torch, and ends in "operator
torchvision::nms does not exist". Declared without an implementation they satisfy it; datasets, transforms,
models and utilities call neither. Where there is no torchvision nothing is declared.
"""

from importlib.util import find_spec
from pathlib import Path

import torch


def _lacks_operators() -> bool:
    package = find_spec("torchvision")
    if package is None or package.origin is None:
        return False
    try:
        torch.ops.load_library(next(Path(package.origin).parent.glob("_C.*")))
    except (OSError, StopIteration):
        return True
    return False


if _lacks_operators():
    _declarations = torch.library.Library("torchvision", "FRAGMENT")
    _declarations.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declarations.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
