"""A network in an ONNX file: each of its nodes is a layer, which ONNX Runtime computes."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, OperatorSetIdProto, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model
from onnx.inliner import inline_local_functions
from torch import Tensor, nn

from layeraudit.errors import InputError
from layeraudit.networks import Shape

TITLE = "ONNX"
REFERENCE = ""
ENVIRONMENT = "onnx"
OPTIONS = {
    "file": {
        "description": "The .onnx file; external data lies beside it.",
        "type": "string",
        "format": "path",
    },
    "output": {
        "description": "The name of the value that is the logits; null is the file's only output.",
        "type": ["string", "null"],
    },
}
LAYERS: list[str] = []

LONGEST = 90
"""Characters of a layer's name, which leaves room for a number."""

SAME = 1e-3
"""Logits of an image differ beside another and alone by less than this share of the largest."""

# Each node is a session: with threads of their own, a large network would have thousands.
onnxruntime.set_global_thread_pool_sizes(torch.get_num_threads(), 1)

Values = dict[str, NDArray[Any]]


def build(shape: Shape, n_classes: int, *, file: str, output: str | None) -> nn.Module:
    """Return the network of a file, whose modules are the nodes between its input and the logits.

    Two images are tried, together and each alone: a file made for one image at a time takes them one by one.

    Raises
    ------
    InputError
        Where the file cannot be read, takes other images, makes no logits, or makes others of an image each
        time; where a node cannot be run.
    """
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    network = _make_graph(Path(file), output, x[:1])
    logits = [network(row) for row in x.split(1)]
    if logits[0].shape != (1, n_classes) or logits[0].dtype != torch.float32:
        raise InputError(
            f"{file} makes {list(logits[0].shape)} in {logits[0].dtype} of an image, allowed are logits, "
            f"[1, {n_classes}] in torch.float32; the option output may name another value"
        )
    if not torch.cat(logits).isfinite().all():
        raise InputError(f"{file} makes NaN or infinity of an image, allowed are finite logits")
    if not _makes(network, x, torch.cat(logits)):
        network.take_one_by_one()
        print(f"{file} is made for one image at a time, and takes them one by one")
        if not _makes(network, x, torch.cat(logits)):
            raise InputError(
                f"{file} makes other logits of the same image each time, allowed is a network that was "
                "exported in evaluation mode"
            )
    return network


def _makes(network: nn.Module, x: Tensor, logits: Tensor) -> bool:
    """Return whether a network makes logits of images, but for rounding."""
    try:
        found: Tensor = network(x)
    except InputError:
        return False
    return found.shape == logits.shape and bool((found - logits).abs().max() <= SAME * logits.abs().max())


def _make_graph(path: Path, output: str | None, row: Tensor) -> "Graph":
    """Read a file, and find the values that are its images and its logits."""
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
        unseen = [name for name in _list_external(model) if not name.startswith(path.name)]
        load_external_data_for_model(model, str(path.parent))
        model = inline_local_functions(model)
    except Exception as error:  # of many types
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"{path} cannot be read: {reason}; allowed is an ONNX file") from None
    if unseen:
        raise InputError(
            f"{path} has external data in {unseen[0]}, allowed are files beside it whose names begin with "
            f"{path.name}: a change of others is not seen"
        )
    graph, outputs = model.graph, [value.name for value in model.graph.output]
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise InputError(f"{path} has the inputs {names}, allowed is one, the images")
    _check_input(path, inputs[0], tuple(row.shape[1:]))
    if output is None and len(outputs) != 1:
        raise InputError(
            f"{path} has the outputs {', '.join(outputs)}, allowed is one; the option output names the logits"
        )
    makers = {value: node for node in graph.node for value in node.output if value}
    logits = outputs[0] if output is None else output
    if logits not in makers:
        raise InputError(f"{path} has no value {logits!r}, allowed are outputs of its nodes")
    if makers[logits].op_type == "Softmax":
        raise InputError(
            f"{path}: {logits!r} is a softmax, allowed are logits; the option output may name what is before "
            f"it, {makers[logits].input[0]!r}"
        )
    return Graph(graph, [*model.opset_import], inputs[0].name, logits, row)


def _list_external(model: onnx.ModelProto) -> list[str]:
    """List the files beside a model that hold weights of it."""
    entries = [entry for tensor in model.graph.initializer for entry in tensor.external_data]
    return sorted({entry.value for entry in entries if entry.key == "location"})


def _check_input(path: Path, value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    """Check that a file takes images of a shape in float32."""
    tensor = value.type.tensor_type
    kind = onnx.TensorProto.DataType.Name(tensor.elem_type)
    sizes = [of.dim_value or (of.dim_param or "any") for of in tensor.shape.dim]
    unlike = tensor.HasField("shape") and (
        len(sizes) != 4
        or any(isinstance(of, int) and of != own for of, own in zip(sizes[1:], shape, strict=True))
    )
    if kind != "FLOAT" or unlike:
        raise InputError(
            f"{path} takes [{', '.join(map(str, sizes))}] in {kind}, allowed is [n, "
            f"{', '.join(map(str, shape))}] in FLOAT: the data set's channels, height and width"
        )


class Graph(nn.Module):
    """The nodes between images and logits, each a module; what does not depend on images is computed once.

    Parameters
    ----------
    opsets : versions of the operators
    images, logits : names of the two values
    row : float32 [1, c, h, w]
    """

    def __init__(
        self, graph: GraphProto, opsets: list[OperatorSetIdProto], images: str, logits: str, row: Tensor
    ) -> None:
        super().__init__()
        self.images, self.logits = images, logits
        self.steps: list[tuple[Node, list[str]]] = []
        fixed: Values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        found: Values = {images: row.numpy()}
        last: dict[str, int] = {}
        for number, node in _list_needed(graph, logits):
            layer = make_node(node, opsets, fixed, found)
            outputs = dict(zip(layer.makes, layer.compute(found), strict=True))
            if layer.takes:
                self.add_module(self._name_layer(node, number), layer)
                found |= outputs
                layer.stacked = {
                    value for value in [*layer.takes, *layer.makes] if found[value].shape[:1] != (1,)
                }
                last |= dict.fromkeys([*layer.makes, *layer.takes], len(self.steps))
                self.steps.append((layer, []))
            else:
                fixed |= outputs
        if logits not in found:
            raise InputError(f"{logits!r} does not depend on the images, allowed are logits")
        for value, number in last.items():
            self.steps[number][1].extend([value] * (value != logits))

    def _name_layer(self, node: NodeProto, number: int) -> str:
        """Return a name for a node that is a file's too: its own, or its operator and number."""
        own = re.sub(r"[^A-Za-z0-9_]+", "_", node.name).strip("_")[-LONGEST:] or f"{node.op_type}_{number}"
        name = own
        while hasattr(self, name):  # a node of this name, or a method
            name = f"{own}_{number}"
            number += 1
        return name

    def take_one_by_one(self) -> None:
        """Have each node take one image at a time, as a file needs it that fixes their number to one."""
        for layer, _ in self.steps:
            layer.one_by_one = True

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, float32 [n, classes]."""
        values = {self.images: x}
        for layer, used_up in self.steps:
            outputs = layer(*(values[value] for value in layer.takes))
            values |= dict(zip(layer.makes, [outputs] if len(layer.makes) == 1 else outputs, strict=True))
            for value in used_up:
                del values[value]
        return values[self.logits]


def _list_needed(graph: GraphProto, output: str) -> list[tuple[int, NodeProto]]:
    """List the nodes that a value depends on, in their order, each with its number in the file."""
    needed, found = {output}, []
    for number, node in reversed([*enumerate(graph.node)]):
        if needed & {*node.output}:
            needed |= {*node.input}
            found.append((number, node))
    return found[::-1]


class Node(nn.Module):
    """A node; of its inputs those that do not depend on the images are its own.

    Attributes
    ----------
    what : the node in words
    takes, makes : names of the inputs that depend on the images, and of the outputs
    stacked : those of both that have, of one image, no first axis of length one
    weights : names of its other inputs by those of its parameters
    one_by_one : whether each image has a run of its own; then all values have a row for each
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, what: str, takes: list[str], weights: Values
    ) -> None:
        super().__init__()
        self.session, self.what, self.takes = session, what, takes
        self.makes = [value.name for value in session.get_outputs()]
        self.stacked: set[str] = set()
        self.one_by_one = False
        self.weights = {f"weight_{number}": value for number, value in enumerate(weights)}
        for name, value in self.weights.items():
            weight = torch.from_numpy(np.array(weights[value]))
            self.register_parameter(name, nn.Parameter(weight, requires_grad=False))

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the outputs of n images, as `makes` has them, from inputs as `takes` has them; one alone."""
        values = dict(zip(self.takes, (of.detach().numpy() for of in inputs), strict=True))
        if self.one_by_one:
            rows = [
                self.compute(
                    {
                        name: of[row] if name in self.stacked else of[row : row + 1]
                        for name, of in values.items()
                    }
                )
                for row in range(len(inputs[0]))
            ]
            joins = [np.stack if name in self.stacked else np.concatenate for name in self.makes]
            computed = [join(of) for join, of in zip(joins, zip(*rows, strict=True), strict=True)]
        else:
            computed = self.compute(values)
        outputs = tuple(map(torch.from_numpy, computed))
        return outputs[0] if len(outputs) == 1 else outputs

    def compute(self, values: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the outputs in the order of `makes`.

        Raises
        ------
        InputError
            Where the operator cannot be run on these values.
        """
        weights = {value: getattr(self, name).numpy() for name, value in self.weights.items()}
        with exit_in_runtime(self.what):
            outputs: list[NDArray[Any]] = self.session.run(
                None, weights | {name: values[name] for name in self.takes}
            )
        if not all(isinstance(of, np.ndarray) and of.dtype.kind in "fiub" for of in outputs):
            raise InputError(f"{self.what} makes a sequence or texts, allowed are tensors of numbers")
        return outputs


def make_node(node: NodeProto, opsets: list[OperatorSetIdProto], fixed: Values, found: Values) -> Node:
    """Return a node as a module.

    Parameters
    ----------
    fixed : values that do not depend on the images
    found : values that do, of one image

    Raises
    ------
    InputError
        Where it is a branch or a loop, is in training mode, lacks an input, or is of no known operator.
    """
    what = f"the node {node.name!r}, {node.op_type},"
    if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
        raise InputError(f"{what} holds other nodes, allowed are files without branches and loops")
    if any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute):
        raise InputError(f"{what} is in training mode, allowed are networks exported in evaluation mode")
    known = fixed | found
    if lacking := [value for value in node.input if value and value not in known]:
        raise InputError(f"{what} takes {lacking[0]!r}, which the file has not")
    values = {value: known[value] for value in node.input if value}
    takes = [value for value in values if value in found]
    # Other values stay in the session: operators may take axes and such from nowhere else.
    weights = {
        value: of
        for value, of in values.items()
        if takes and value in fixed and of.size > 1 and of.dtype in (np.float16, np.float32, np.float64)
    }
    kinds = {name: helper.np_dtype_to_tensor_dtype(values[name].dtype) for name in [*takes, *weights]}
    graph = helper.make_graph(
        [node],
        "node",
        [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()],
        [helper.make_empty_tensor_value_info(value) for value in node.output if value],
        [numpy_helper.from_array(of, name) for name, of in values.items() if name not in kinds],
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.use_per_session_threads = False
    options.log_severity_level = 4
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with exit_in_runtime(what):
        # The fallback is the same provider again, with a message of its own.
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
    made: Any = type(node.op_type, (Node,), {})  # tables of layers name its class
    layer: Node = made(session, what, takes, weights)
    return layer


@contextmanager
def exit_in_runtime(what: str) -> Iterator[None]:
    """Turn what ONNX Runtime raises into one sentence.

    Raises
    ------
    InputError
        Where the block raises.
    """
    try:
        yield
    except Exception as error:  # of types of its own
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{what} cannot be run: {reason}") from None
