"""Judge a neural network by the neighbours that its inputs have in every layer.

The public names below are imported when they are first used: Snakemake imports modules of this package where
there is no NumPy.
"""

from importlib import import_module
from typing import Any

__all__ = ["DeepKNN", "InputError", "capture_layers"]

_MODULES = {"DeepKNN": "estimator", "InputError": "errors", "capture_layers": "estimator"}
"""Where each lies. No import statement, since the fingerprint of every step would follow it."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
