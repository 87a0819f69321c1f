"""Deep k-nearest neighbours as an estimator in scikit-learn's manner, on arrays of any origin.

It searches and counts by the functions that the steps of the workflow call.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layeraudit import neighbours
from layeraudit.detectors import Evidence, label_disagreement
from layeraudit.dknn import Judgement, Mode, count_nonconformity_to, judge_by_neighbours
from layeraudit.errors import InputError
from layeraudit.neighbours import Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

Layers = Mapping[str, ArrayLike] | ArrayLike
"""For each layer, by its name, float32 [n, d]; an array alone is a layer named `x`."""

ONLY_LAYER = "x"


@dataclass(eq=False, kw_only=True)
class DeepKNN:
    """Deep k-nearest neighbours (Papernot & McDaniel 2018, arXiv:1803.04765) of a training set.

    Parameters
    ----------
    k : neighbours in each layer
    metric : `cosine` or `l2`
    mode : how p-values are calibrated, as in `layeraudit.dknn.compute_p_values`
    memory_mb : mebibytes that a search is to take, beside the layers and its result
    threads : cores to compute on

    Attributes
    ----------
    classes_ : [c], the labels in order; all counts and p-values are of these
    layers_ : the names of the layers
    nonconformity_ : int64 [m], of the calibration rows' labels, after `calibrate`

    Notes
    -----
    Layers are kept, not copied, and may be memory-mapped. Where a method's `layers` are left out, they are
    those of the training rows, and no row is its own neighbour; their neighbours are sought once. `k` and
    `metric` are those of the last `fit`, whatever is set after it. Every method raises `InputError`, a
    `ValueError` of one sentence, for an argument that is not allowed, or where a step is missing before it.
    """

    k: int = 75
    metric: Metric = "cosine"
    mode: Mode = "paper"
    memory_mb: int = neighbours.MEMORY_MB
    threads: int = 1

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` is there for scikit-learn, and changes nothing."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name."""
        for name, value in params.items():
            if name not in self.get_params():
                raise InputError(
                    f"there is no parameter {name!r}, allowed are {', '.join(self.get_params())}"
                )
            setattr(self, name, value)
        return self

    def fit(self, layers: Layers, y: ArrayLike) -> Self:
        """Index the training rows.

        Parameters
        ----------
        layers : of n rows
        y : [n], the labels that they were given: integers, booleans or texts; two or more different ones
        """
        self._check_params()
        rows = _read_layers(layers)
        n = _count_rows(rows)
        classes, y = np.unique(_read_labels(y, n), return_inverse=True)
        if len(classes) < 2:
            raise InputError(f"all labels are {classes.tolist()}, allowed are two classes or more")
        if self.k >= n:
            raise InputError(
                f"k is {self.k}, allowed are 1 to {n - 1}, one less than there are training rows"
            )
        indexes = {}
        for name, matrix in rows.items():
            with _named(name):
                indexes[name] = neighbours.build(matrix, self.metric, threads=self.threads)
        self.classes_: NDArray[Any] = classes
        self.layers_ = tuple(rows)
        self._rows, self._y, self._indexes, self._k = rows, y.astype(np.int64), indexes, self.k
        self._own_neighbours: dict[str, NDArray[np.int64]] = {}
        vars(self).pop("nonconformity_", None)
        return self

    def calibrate(self, layers: Layers, y: ArrayLike) -> Self:
        """Take the nonconformity of held-out rows to their labels as what is usual.

        Parameters
        ----------
        layers : of m rows, none of which was trained on
        y : [m], their labels, which are to be trusted
        """
        rows = self._read(layers)
        labels = self._encode(y, _count_rows(rows))
        if not len(labels):
            raise InputError("there are 0 calibration rows, allowed is one or more")
        self.nonconformity_ = count_nonconformity_to(
            labels, self._find_in_all(rows), self._y, n_classes=len(self.classes_)
        )
        return self

    def kneighbors(self, layers: Layers | None = None) -> dict[str, NDArray[np.int64]]:
        """Find the exact k nearest training rows in each layer.

        Returns
        -------
        For each layer int64 [n, k], nearest first, ties by row number
        """
        return self._find(None if layers is None else self._read(layers), self._fitted())

    def label_disagreement(
        self,
        layers: Layers | None = None,
        y: ArrayLike | None = None,
        *,
        names: Sequence[str] | None = None,
    ) -> NDArray[np.float64]:
        """Compute the share of each row's neighbours whose label is not its own; larger is more suspicious.

        Parameters
        ----------
        layers, y : of other rows with labels in question, both or neither
        names : layers whose neighbours count, all unless they are named

        Returns
        -------
        float64 [n] in [0, 1]
        """
        names = self._fitted() if names is None else names
        if isinstance(names, str) or not names or not set(names) <= set(self.layers_):
            raise InputError(f"names is {names!r}, allowed is a list of {', '.join(self.layers_)}")
        if (layers is None) != (y is None):
            raise InputError("layers or y is given alone, allowed are both or neither")
        rows = None if layers is None else self._read(layers)
        labels = self._y if rows is None or y is None else self._encode(y, _count_rows(rows))
        training = _make_evidence(self._y, {})
        score = label_disagreement.fit(training, training, seed=0, layers=names)
        return score(_make_evidence(labels, self._find(rows, names)))

    def predict(self, layers: Layers | None = None) -> NDArray[Any]:
        """Predict the label that the neighbours contradict least, [n] of `classes_`; needs no calibration."""
        rows = None if layers is None else self._read(layers)
        return self._judge(rows, np.ones(1, np.int64)).label  # the same with any calibration

    def predict_with_credibility(self, layers: Layers | None = None) -> Judgement:
        """Predict the label, and say how usual so much contradiction is among the calibration rows.

        Returns
        -------
        `label` [n] as of `predict`, `credibility` and `confidence` float64 [n] in [0, 1], `nonconformity`
        int64 [n]
        """
        self._fitted()
        if not hasattr(self, "nonconformity_"):
            raise InputError("DeepKNN is not calibrated: call calibrate first")
        rows = None if layers is None else self._read(layers)
        return self._judge(rows, self.nonconformity_)

    def _check_params(self) -> None:
        for name in ("k", "memory_mb", "threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise InputError(f"{name} is {value!r}, allowed are integers from 1")
        for name, allowed in (("metric", get_args(Metric)), ("mode", get_args(Mode))):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} is {getattr(self, name)!r}, allowed are {', '.join(allowed)}")

    def _fitted(self) -> tuple[str, ...]:
        if not hasattr(self, "layers_"):
            raise InputError("DeepKNN is not fitted: call fit first")
        return self.layers_

    def _read(self, layers: Layers) -> dict[str, NDArray[np.float32]]:
        """Return the layers of other rows, in the order of those that were fitted."""
        names = self._fitted()
        rows = _read_layers(layers)
        if set(rows) != set(names):
            raise InputError(
                f"the layers are {', '.join(rows)}, allowed are those of fit: {', '.join(names)}"
            )
        return {name: rows[name] for name in names}

    def _encode(self, y: ArrayLike, n: int) -> NDArray[np.int64]:
        """Return the numbers of labels among `classes_`."""
        labels = _read_labels(y, n)
        if (labels.dtype.kind == "U") != (self.classes_.dtype.kind == "U"):
            raise InputError(
                f"the labels are {labels.dtype}, allowed are those of fit: {self.classes_.dtype}"
            )
        numbers = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        unknown = np.flatnonzero(self.classes_[numbers] != labels)
        if len(unknown):
            raise InputError(
                f"the label of row {unknown[0]} is {labels[unknown[0]].item()!r}, "
                "allowed are those of the training rows"
            )
        return numbers

    def _find(
        self, rows: dict[str, NDArray[np.float32]] | None, names: Sequence[str]
    ) -> dict[str, NDArray[np.int64]]:
        """Return the neighbours in some layers; those of the training rows are kept."""
        self._check_params()
        found = self._own_neighbours if rows is None else {}
        for name in names:
            if name not in found:
                with _named(name):
                    found[name] = self._indexes[name].search(
                        (self._rows if rows is None else rows)[name],
                        self._k,
                        exclude_self=rows is None,
                        memory_mb=self.memory_mb,
                        threads=self.threads,
                    )
                found[name].setflags(write=False)
        return {name: found[name] for name in names}

    def _find_in_all(self, rows: dict[str, NDArray[np.float32]] | None) -> list[NDArray[np.int64]]:
        return list(self._find(rows, self._fitted()).values())

    def _judge(
        self, rows: dict[str, NDArray[np.float32]] | None, calibration: NDArray[np.int64]
    ) -> Judgement:
        found = judge_by_neighbours(
            self._find_in_all(rows), self._y, calibration, n_classes=len(self.classes_), mode=self.mode
        )
        return replace(found, label=self.classes_[found.label])


def capture_layers(
    model: "nn.Module", x: "Tensor | NDArray[Any]", names: Sequence[str], *, batch_size: int = 256
) -> dict[str, NDArray[np.float32]]:
    """Return what layers of a torch model make of x, flattened.

    The model is left in evaluation mode; it may work in place, and x stays as it is.

    Parameters
    ----------
    x : [n, ...], one row or more, as the model takes it; may be memory-mapped
    names : as `model.named_modules()` gives them; "" is the model's own output

    Returns
    -------
    For each layer float32 [n, d], all of it in memory

    Raises
    ------
    InputError
        Where the model has no such layer, there is no row, or the batch size is none.
    ImportError
        Where torch is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise ImportError("capture_layers needs torch: pip install 'layeraudit[torch]'") from None
    from layeraudit.activations import captured

    if batch_size < 1 or not len(x):
        raise InputError(f"batch_size is {batch_size} for {len(x)} rows, allowed are integers from 1")
    parameter = next(model.parameters(), None)
    parts: list[dict[str, NDArray[np.float32]]] = []
    model.eval()
    with captured(model, names) as run, torch.no_grad():
        for start in range(0, len(x), batch_size):
            some = x[start : start + batch_size]
            batch = some.clone() if isinstance(some, torch.Tensor) else torch.from_numpy(np.array(some))
            found = run(batch if parameter is None else batch.to(parameter.device))
            parts.append({name: values.float().cpu().numpy() for name, values in found.items()})
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in dict.fromkeys(names)}


@contextmanager
def _named(layer: str) -> Iterator[None]:
    """Name with a mistake in which layer it is."""
    try:
        yield
    except InputError as error:
        raise InputError(f"layer {layer!r}: {error}") from None


def _read_layers(layers: Layers) -> dict[str, NDArray[np.float32]]:
    if not isinstance(layers, Mapping):
        layers = {ONLY_LAYER: layers}
    if not layers:
        raise InputError("there are 0 layers, allowed is one or more")
    rows = {name: np.asanyarray(layer) for name, layer in layers.items()}
    for name, matrix in rows.items():
        if matrix.ndim != 2 or not matrix.shape[1] or matrix.dtype != np.float32:
            raise InputError(
                f"layer {name!r} is {matrix.dtype} {list(matrix.shape)}, allowed is float32 [rows, columns]: "
                "reshape(n, -1) flattens, and astype('float32') converts"
            )
    return rows


def _count_rows(rows: Mapping[str, NDArray[np.float32]]) -> int:
    counts = {name: len(matrix) for name, matrix in rows.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"the layers have {counts} rows, allowed is one number for all")
    return next(iter(counts.values()))


def _read_labels(y: ArrayLike, n: int) -> NDArray[Any]:
    labels = np.asarray(y)
    if labels.dtype == object and all(isinstance(label, str) for label in labels.flat):
        labels = labels.astype(str)  # as pandas keeps texts
    if labels.dtype.kind not in "biuU":
        raise InputError(f"the labels are {labels.dtype}, allowed are integers, booleans or texts")
    if labels.shape != (n,):
        raise InputError(f"the labels are {list(labels.shape)}, allowed is [{n}], a label for each row")
    return labels


def _make_evidence(y: NDArray[np.int64], found: Mapping[str, NDArray[np.int64]]) -> Evidence:
    """Return as much evidence as label disagreement looks at."""
    nothing = np.empty((len(y), 0), np.float32)
    return Evidence(
        y=y,
        activations={},
        neighbours=found,
        logits=nothing,
        is_suspect=np.zeros(len(y), np.bool_),
        x=nothing.reshape(len(y), 0, 0, 0),
    )
