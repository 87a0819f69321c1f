"""A network in an ONNX file: its nodes make what ONNX Runtime makes of the file, or it is refused."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from extract_layers import extract_layers
from import_weights import import_weights
from layeraudit.errors import InputError
from layeraudit.files import open_layers, write_split
from layeraudit.networks import build_network
from layeraudit.splits import Split
from list_layers import list_layers

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore"),  # of the exporter
]

N, SIZE, CLASSES = 7, 8, 3
X = np.random.default_rng(0).random((N, 1, SIZE, SIZE), dtype=np.float32)
Y = np.arange(N) % CLASSES
IMAGES = Split(X, Y, Y, np.zeros(N, bool), np.arange(N), CLASSES)

FREE, ONE = ["n", 1, SIZE, SIZE], [1, 1, SIZE, SIZE]


class Residual(nn.Module):
    """A convolution, a block with a skip connection, and attention over what it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        tokens = (x + self.block(x)).flatten(2).transpose(1, 2)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        logits: Tensor = self.fc(self.norm(tokens).mean(dim=1))
        return logits


def export(path: Path, network: nn.Module, *, free: bool = True, **options: Any) -> None:
    """Write a network as users do, for any number of images or for one."""
    axes = {"dynamic_axes": {"pixels": {0: "n"}}} if free else {}
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, SIZE, SIZE),),
        path,
        dynamo=False,
        input_names=["pixels"],
        **axes,
        **options,
    )


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    *,
    shape: list[Any] = FREE,
    kind: int = TensorProto.FLOAT,
    outputs: tuple[str, ...] = ("logits",),
    **weights: Any,
) -> str:
    """Write a file of nodes from `pixels` to outputs, with weights by their names."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(of), name) for name, of in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return str(path)


def set_up(file: Path | str, output: str | None = None) -> dict[str, Any]:
    return {"method": "onnx", "file": str(file), "output": output, "normalisation": None}


def run_whole(path: Path, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return what ONNX Runtime makes of images with the whole file."""
    options = onnxruntime.SessionOptions()
    options.use_per_session_threads = False
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    logits: np.ndarray[Any, Any] = session.run(None, {"pixels": x})[0]
    return logits


FLAT = helper.make_node("Flatten", ["pixels"], ["flat"], "/flatten/Flatten")
LINEAR = helper.make_node("MatMul", ["flat", "w"], ["logits"])
W = np.random.default_rng(1).standard_normal((SIZE**2, CLASSES)).astype(np.float32)


def test_a_linear_network_is_a_product_of_matrices(tmp_path: Path) -> None:
    file = write(tmp_path / "a.onnx", [FLAT, LINEAR], w=W)
    built = build_network(set_up(file), IMAGES)
    assert [(name, type(of).__name__) for name, of in built.named_children()] == [
        ("flatten_Flatten", "Flatten"),
        ("MatMul_1", "MatMul"),
    ]
    assert [*built.state_dict()] == ["MatMul_1.weight_0"]
    np.testing.assert_allclose(built(torch.from_numpy(X)), X.reshape(N, -1) @ W, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("free", [True, False])
def test_an_exported_network_makes_what_it_made_and_what_the_whole_file_makes(
    free: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    network = Residual().eval()
    export(tmp_path / "a.onnx", network, free=free)
    built = build_network(set_up(tmp_path / "a.onnx"), IMAGES)
    assert ("one image at a time" in capsys.readouterr().out) == (not free)
    with torch.no_grad():
        logits = built(torch.from_numpy(X)).numpy()
        np.testing.assert_allclose(logits, network(torch.from_numpy(X)), atol=1e-5)
    rows = [X] if free else np.split(X, N)
    whole = np.concatenate([run_whole(tmp_path / "a.onnx", row) for row in rows])
    np.testing.assert_allclose(logits, whole, atol=1e-5)


@pytest.mark.parametrize("free", [True, False])
def test_it_passes_through_the_programs_of_an_audit(free: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Residual().eval()
    export(tmp_path / "a.onnx", network, free=free)
    settings = set_up(tmp_path / "a.onnx")
    split, weights = tmp_path / "train.npz", tmp_path / "model.pt"
    write_split(split, IMAGES)
    import_weights(split=split, output=weights, network=settings)
    table = tmp_path / "layers.csv"
    list_layers(split=split, weights=weights, table=table, network=settings, names=[], pooling="mean")
    with table.open(newline="") as file:
        rows = {row["layer"]: row for row in csv.DictReader(file)}
    assert rows["stem_Conv"]["shape"] == "4x4x4"
    assert rows["stem_Conv"]["carries_all"] == rows["Add"]["carries_all"] == "True"
    assert rows["block_block_2_Relu"]["carries_all"] == "False"
    assert (rows["fc_Gemm"]["class"], rows["fc_Gemm"]["chosen"]) == ("Gemm", "True")
    extract_layers(
        split=split,
        weights=weights,
        table=table,
        layers=tmp_path / "layers",
        logits=tmp_path / "logits.npy",
        network=settings,
        names=[],
        pooling="mean",
        batch_size=3,
    )
    layers = open_layers(tmp_path / "layers", np.float32, rows=N)
    assert [*layers] == [name for name, row in rows.items() if row["chosen"] == "True"]
    with torch.no_grad():
        expected = network(torch.from_numpy(X)).numpy()
        stem = network.stem(torch.from_numpy(X)).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-5)
    np.testing.assert_allclose(layers["fc_Gemm"], expected, atol=1e-5)
    if "stem_Conv" in layers:
        np.testing.assert_allclose(layers["stem_Conv"], stem, atol=1e-5)


def test_weights_beside_the_file_are_read_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    model = onnx.load(write(tmp_path / "a.onnx", [FLAT, LINEAR], w=W))
    onnx.save(model, tmp_path / "c.onnx", save_as_external_data=True, location="b.bin", size_threshold=0)
    with pytest.raises(InputError, match=r"c.onnx has external data in b\.bin, allowed are files beside it"):
        build_network(set_up(tmp_path / "c.onnx"), IMAGES)
    model = onnx.load(tmp_path / "c.onnx")
    data = "b.onnx.data"
    onnx.save(model, tmp_path / "b.onnx", save_as_external_data=True, location=data, size_threshold=0)
    built = build_network(set_up(tmp_path / "b.onnx"), IMAGES)
    np.testing.assert_array_equal(built.state_dict()["MatMul_1.weight_0"], W)
    moved = onnx.load(tmp_path / "b.onnx", load_external_data=False)
    for entry in moved.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../b.onnx.data"
    (tmp_path / "inner/b.onnx").write_bytes(moved.SerializeToString())
    with pytest.raises(
        InputError, match=r"inner/b.onnx cannot be read: .*b\.onnx\.data.*; allowed is an ONNX file"
    ):
        build_network(set_up(tmp_path / "inner/b.onnx"), IMAGES)


def test_many_nodes_share_the_threads_of_one(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", [f"v{i}" if i else "flat"], [f"v{i + 1}"]) for i in range(60)]
    last = helper.make_node("MatMul", ["v60", "w"], ["logits"])
    build_network(set_up(write(tmp_path / "a.onnx", [FLAT, LINEAR], w=W)), IMAGES)  # starts the shared ones
    before = len(list(Path("/proc/self/task").iterdir()))
    built = build_network(set_up(write(tmp_path / "b.onnx", [FLAT, *nodes, last], w=W)), IMAGES)
    assert len([*built.children()]) == 62
    assert len(list(Path("/proc/self/task").iterdir())) == before


def test_names_are_of_files_and_of_one_layer_each(tmp_path: Path) -> None:
    names = ["forward", "a/b.c:0", "a_b.c_0", "é", "x" * 300, ""]
    nodes = [
        helper.make_node("Relu", [f"v{i}" if i else "flat"], [f"v{i + 1}"], name)
        for i, name in enumerate(names)
    ]
    last = helper.make_node("MatMul", ["v6", "w"], ["logits"], "../../etc")
    built = build_network(set_up(write(tmp_path / "a.onnx", [FLAT, *nodes, last], w=W)), IMAGES)
    assert [name for name, _ in built.named_children()] == [
        *("flatten_Flatten", "forward_1", "a_b_c_0", "a_b_c_0_3", "Relu_4", "x" * 90, "Relu_6", "etc"),
    ]


def test_of_several_outputs_one_is_named_and_a_softmax_is_none(tmp_path: Path) -> None:
    softmax = helper.make_node("Softmax", ["logits"], ["shares"])
    file = write(tmp_path / "a.onnx", [FLAT, LINEAR, softmax], outputs=("shares", "flat"), w=W)
    with pytest.raises(InputError, match="has the outputs shares, flat, allowed is one; the option output"):
        build_network(set_up(file), IMAGES)
    with pytest.raises(InputError, match="'shares' is a softmax, .* name what is before it, 'logits'$"):
        build_network(set_up(file, "shares"), IMAGES)
    with pytest.raises(InputError, match="has no value 'nothing', allowed are outputs of its nodes"):
        build_network(set_up(file, "nothing"), IMAGES)
    built = build_network(set_up(file, "logits"), IMAGES)
    np.testing.assert_allclose(built(torch.from_numpy(X)), X.reshape(N, -1) @ W, rtol=1e-5, atol=1e-5)


def test_values_of_several_outputs_and_constants_of_nodes_are_used(tmp_path: Path) -> None:
    """The halves of the pixels, split, swapped and joined, in a file for one image."""
    nodes = [
        helper.make_node("Constant", [], ["size"], value=numpy_helper.from_array(np.array([1, SIZE**2]))),
        helper.make_node("Reshape", ["pixels", "size"], ["flat"]),
        helper.make_node("Split", ["flat"], ["left", "right"], axis=1, num_outputs=2),
        helper.make_node("Concat", ["right", "left"], ["joined"], axis=1),
        helper.make_node("MatMul", ["joined", "w"], ["logits"]),
    ]
    built = build_network(set_up(write(tmp_path / "a.onnx", nodes, shape=ONE, w=W)), IMAGES)
    swapped = np.roll(X.reshape(N, -1), SIZE**2 // 2, axis=1)
    np.testing.assert_allclose(built(torch.from_numpy(X)), swapped @ W, rtol=1e-5, atol=1e-5)


NODES = {
    "foreign": helper.make_node("Strange", ["flat"], ["flat_"], "odd", domain="of.mine"),
    "unknown": helper.make_node("Strange", ["flat"], ["flat_"], "odd"),
    "random": helper.make_node("RandomNormalLike", ["flat"], ["flat_"]),
    "dropout": helper.make_node("Dropout", ["flat", "half", "yes"], ["flat_"]),
    "lacking": helper.make_node("Add", ["flat", "nowhere"], ["flat_"], "odd"),
    "fixed": helper.make_node("Identity", ["w_"], ["flat_"]),
}


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ("foreign", r"^the node 'odd', Strange, cannot be run: .*of\.mine"),
        ("unknown", "^the node 'odd', Strange, cannot be run: "),
        ("random", "makes other logits of the same image each time, allowed is .* evaluation mode$"),
        ("dropout", "makes other logits of the same image each time, allowed is .* evaluation mode$"),
        ("lacking", "^the node 'odd', Add, takes 'nowhere', which the file has not$"),
        ("fixed", "^'logits' does not depend on the images, allowed are logits$"),
    ],
)
def test_a_node_that_cannot_be_run_is_one_sentence(node: str, sentence: str, tmp_path: Path) -> None:
    last = helper.make_node("MatMul", ["flat_", "w"], ["logits"])
    weights = {"half": np.float32(0.5), "yes": np.array(True), "w_": np.ones((1, SIZE**2), np.float32)}
    file = write(tmp_path / "a.onnx", [FLAT, NODES[node], last], w=W, **weights)
    with pytest.raises(InputError, match=sentence) as raised:
        build_network(set_up(file), IMAGES)
    assert str(raised.value).isprintable()


def test_a_network_in_training_mode_is_refused(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, CLASSES))
    export(tmp_path / "a.onnx", network.train(), training=torch.onnx.TrainingMode.TRAINING)
    with pytest.raises(InputError, match="BatchNormalization, is in training mode, allowed are networks exp"):
        build_network(set_up(tmp_path / "a.onnx"), IMAGES)


def test_a_branch_is_refused(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["flat"], ["same"])],
        "branch",
        [],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["yes"], ["flat_"], "choice", then_branch=branch, else_branch=branch)
    last = helper.make_node("MatMul", ["flat_", "w"], ["logits"])
    file = write(tmp_path / "a.onnx", [FLAT, node, last], w=W, yes=np.array(True))
    with pytest.raises(InputError, match="^the node 'choice', If, holds other nodes, allowed are files "):
        build_network(set_up(file), IMAGES)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": TensorProto.UINT8}, r"takes \[n, 1, 8, 8\] in UINT8, allowed is \[n, 1, 8, 8\] in FLOAT: "),
        ({"kind": TensorProto.FLOAT16}, r"takes \[n, 1, 8, 8\] in FLOAT16, allowed is "),
        ({"shape": ["n", SIZE, SIZE, 1]}, r"takes \[n, 8, 8, 1\] in FLOAT, allowed is \[n, 1, 8, 8\] in FLO"),
        ({"shape": ["n", 1, 28, 28]}, r"takes \[n, 1, 28, 28\] in FLOAT, allowed is \[n, 1, 8, 8\] in FLOAT"),
        ({"shape": ["n", SIZE**2]}, r"takes \[n, 64\] in FLOAT, allowed is \[n, 1, 8, 8\] in FLOAT"),
        ({"w": W[:, :2]}, r"makes \[1, 2\] in torch.float32 of an image, allowed are logits, \[1, 3\] in "),
        ({"w": W.astype(np.float64)}, "^the node '', MatMul, cannot be run: "),
        ({"w": W[:-1]}, "^the node '', MatMul, cannot be run: .*"),
    ],
)
def test_what_takes_other_images_or_makes_no_logits_is_one_sentence(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.onnx", [FLAT, LINEAR], **{"w": W} | changes)
    with pytest.raises(InputError, match=sentence):
        build_network(set_up(file), IMAGES)


@pytest.mark.parametrize("shape", [None, ["n", "c", "h", "w"], [None] * 4])
def test_a_shape_that_is_not_fixed_is_taken(shape: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.onnx", [FLAT, LINEAR], shape=shape, w=W)
    assert build_network(set_up(file), IMAGES)(torch.from_numpy(X)).shape == (N, CLASSES)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.onnx", [FLAT, LINEAR], w=np.where(W == W.max(), np.inf, W))
    with pytest.raises(InputError, match=r"a.onnx makes NaN or infinity of an image, allowed are finite log"):
        build_network(set_up(file), IMAGES)


@pytest.mark.parametrize("content", [b"", b"\x80\x04cos\nsystem\n", b"no network", None])
def test_what_is_no_onnx_file_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.mkdir() if content is None else path.write_bytes(content)
    sentence = "cannot be read: .*; allowed is an ONNX file$|has the inputs none, allowed is one, the images$"
    with pytest.raises(InputError, match=f"^{path} ({sentence})"):
        build_network(set_up(path), IMAGES)
