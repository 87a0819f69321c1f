"""torchvision, also beside a build of torch that has no CUDA."""

import layeraudit.torchvision_operators  # noqa: F401, I001  # before torchvision
import torchvision

__all__ = ["torchvision"]
