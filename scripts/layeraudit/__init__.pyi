from layeraudit.errors import InputError as InputError
from layeraudit.estimator import DeepKNN as DeepKNN
from layeraudit.estimator import capture_layers as capture_layers

__all__ = ["DeepKNN", "InputError", "capture_layers"]
