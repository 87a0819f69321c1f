"""The dry run of a network: what each layer is and carries, what is chosen, what is refused."""

import copy
import csv
import re
from collections import OrderedDict
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import REPOSITORY, read_blocks
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from audit.train_again import train_again
from extract_layers import extract_layers
from import_weights import import_weights
from layeraudit.activations import pool
from layeraudit.audit.layers import (
    FEWEST,
    MOST,
    Layer,
    check_named,
    choose_layers,
    choose_two_rows,
    list_layers,
)
from layeraudit.configuration import check
from layeraudit.errors import InputError
from layeraudit.files import open_layers, read_split, write_split
from layeraudit.networks import build_network
from layeraudit.splits import Split
from list_layers import list_layers as list_layers_program

pytestmark = pytest.mark.usefixtures("one_thread")

X = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def list_all(network: nn.Module, x: Tensor = X, pooling: Any = "none") -> dict[str, Layer]:
    torch.manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.2)
    return {layer.name: layer for layer in list_layers(network, x, pooling=pooling)}


def choose(network: nn.Module, x: Tensor = X, pooling: Any = "none") -> list[str]:
    layers = list_all(network, x, pooling)
    return [*choose_layers(network, [*layers.values()], x, pooling=pooling)]


class Odd(nn.Module):
    """A module used twice, one never, a functional skip, in-place ReLU, two branches, dropout, a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.never = nn.Linear(3, 3)
        self.skipped = nn.Conv2d(4, 4, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Tanh(), nn.Dropout(0.5))
        self.twice = nn.Tanh()
        self.left = nn.Conv2d(4, 2, 1)
        self.right = nn.Conv2d(4, 2, 1)
        self.flatten = nn.Flatten()
        self.tokens = nn.LSTM(256, 5, batch_first=True)
        self.shape = nn.Identity()
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.stem(x)))
        x = x + self.skipped(x)
        x = self.twice(self.twice(self.block(x)))
        x = torch.cat([self.left(x), self.right(x)], dim=1)
        x, _ = self.tokens(self.flatten(x)[:, None])
        logits: Tensor = self.fc(self.shape(x[None]).flatten(0, 2))
        return logits


ODD = {
    "stem": ("Conv2d", 1, (4, 8, 8), True),
    "norm": ("BatchNorm2d", 1, (4, 8, 8), True),
    "relu": ("ReLU", 1, (4, 8, 8), True),
    "skipped": ("Conv2d", 1, (4, 8, 8), False),
    "block.0": ("Conv2d", 1, (4, 8, 8), True),
    "block.1": ("Tanh", 1, (4, 8, 8), True),
    "block.2": ("Dropout", 1, (4, 8, 8), True),
    "block": ("Sequential", 1, (4, 8, 8), True),
    "twice": ("Tanh", 2, (4, 8, 8), None),
    "left": ("Conv2d", 1, (2, 8, 8), False),
    "right": ("Conv2d", 1, (2, 8, 8), False),
    "flatten": ("Flatten", 1, (256,), True),
    "tokens": ("LSTM", 1, (1, 5), True),
    "shape": ("Identity", 1, None, None),
    "fc": ("Linear", 1, (3,), True),
    "never": ("Linear", 0, None, None),
}
"""Of each layer its class, calls, shape and whether it carries all, in the order in which they end."""


def test_every_module_is_listed_with_its_calls_shape_and_what_it_carries() -> None:
    layers = list_all(Odd())
    found = {name: (of.kind, of.calls, of.shape, of.carries_all) for name, of in layers.items()}
    assert [*found.items()] == [*ODD.items()]


@pytest.mark.parametrize(("pooling", "floats"), [("none", [256, 256, 3]), ("mean", [4, 256, 3])])
def test_floats_and_gigabytes_are_those_of_what_is_kept(pooling: Any, floats: list[int]) -> None:
    layers = list_all(Odd(), pooling=pooling)
    assert [layers[name].floats for name in ("block", "flatten", "fc")] == floats
    assert layers["block"].count_gigabytes(1_000_000) == pytest.approx(floats[0] * 4 / 1000)
    assert (layers["shape"].floats, layers["never"].count_gigabytes(5)) == (None, None)


class Bypassed(nn.Module):
    """A layer that a share of the input passes by."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.layer = nn.Linear(64, 8)
        self.by = nn.Linear(64, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        logits: Tensor = self.fc(self.layer(x) + self.share * self.by(x))
        return logits


@pytest.mark.parametrize("share", [0.02, 0.1, 1, 10])
def test_a_layer_that_a_fiftieth_passes_by_does_not_carry_all(share: float) -> None:
    layers = list_all(Bypassed(share))
    assert [layers[name].carries_all for name in ("layer", "by", "fc")] == [False, False, True]
    assert list_all(Bypassed(0))["layer"].carries_all is True
    assert list_all(Bypassed(0))["by"].carries_all is False


def test_where_both_rows_have_the_same_logits_nothing_is_known() -> None:
    layers = list_all(Odd(), X[:1].expand(2, -1, -1, -1))
    assert {layer.carries_all for layer in layers.values()} == {None}


@given(
    wiring=st.lists(st.tuples(st.sampled_from(["plain", "skip", "branch"]), st.booleans()), max_size=6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=50)
def test_the_swap_test_is_what_the_wiring_says(wiring: list[tuple[str, bool]], seed: int) -> None:
    """Of a chain of layers, each of which is passed by, has a branch beside it, or neither."""

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(6, 6) for _ in wiring])
            self.beside = nn.ModuleList([nn.Linear(6, 6) for _ in wiring])
            self.after = nn.ModuleList([nn.Tanh() if tanh else nn.Identity() for _, tanh in wiring])
            self.fc = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            for (kind, _), layer, beside, after in zip(
                wiring, self.layers, self.beside, self.after, strict=True
            ):
                by = {"plain": 0 * x, "skip": x, "branch": beside(x)}[kind]
                x = after(layer(x) + by)
            logits: Tensor = self.fc(x)
            return logits

    torch.manual_seed(seed)
    network = Chain()
    x = torch.randn(2, 6)
    layers = {layer.name: layer for layer in list_layers(network, x, pooling="none")}
    for place, (kind, _) in enumerate(wiring):
        assert layers[f"layers.{place}"].carries_all is (kind == "plain")
        assert layers[f"after.{place}"].carries_all is True
        assert layers[f"beside.{place}"].carries_all in (False, None)


def make_transformer(layers: int = 3) -> nn.Module:
    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(1, 16, 4, stride=4)
            layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, layers)
            self.fc = nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patches(x).flatten(2).transpose(1, 2)
            logits: Tensor = self.fc(self.encoder(tokens).mean(dim=1))
            return logits

    return Transformer()


def test_a_transformer_calls_its_layers_and_its_way_is_put_back() -> None:
    assert torch.backends.mha.get_fastpath_enabled()
    layers = list_all(make_transformer())
    assert torch.backends.mha.get_fastpath_enabled()
    assert (layers["encoder.layers.1.linear1"].calls, layers["encoder.layers.1.norm2"].calls) == (1, 1)
    assert (layers["encoder.layers.1.self_attn"].shape, layers["encoder.layers.1"].shape) == ((4, 16),) * 2
    assert layers["encoder.layers.1.self_attn.out_proj"].calls == 0  # a function reads its weights
    carry = {name for name, of in layers.items() if of.carries_all}
    of_layers = {f"encoder.layers.{i}{end}" for i in range(3) for end in ("", ".norm1", ".norm2")}
    assert carry == {"patches", "encoder", "fc"} | of_layers


@pytest.mark.parametrize("pooling", ["none", "mean"])
def test_of_a_transformer_layers_are_spread_over_its_depth(pooling: Any) -> None:
    chosen = choose(make_transformer(6), pooling=pooling)
    assert len(chosen) == FEWEST
    assert (chosen[0], chosen[-2:]) == ("patches", ["encoder", "fc"])
    assert chosen[1].startswith(("encoder.layers.2", "encoder.layers.3"))


OWN: list[tuple[str, tuple[int, int, int], str, list[str]]] = [
    ("report_cnn", (1, 28, 28), "none", ["relu1", "relu2", "relu3", "fc"]),
    ("report_cnn", (1, 28, 28), "mean", ["relu1", "relu2", "relu3", "fc"]),
    ("small_resnet", (1, 28, 28), "none", ["block1", "block2", "block3", "pool", "fc"]),
    ("small_resnet", (1, 28, 28), "mean", ["block1", "block2", "block3", "fc"]),
    ("resnet20", (3, 16, 16), "none", ["block3", "block6", "block9", "pool", "fc"]),
    ("resnet20", (3, 16, 16), "mean", ["block3", "block6", "block9", "fc"]),
    ("vgg11", (3, 32, 32), "mean", ["relu1", "relu2", "relu4", "relu6", "pool8", "fc"]),
]


@pytest.mark.parametrize(("method", "shape", "pooling", "expected"), OWN)
def test_of_our_own_networks_the_ends_of_their_stages_are_chosen(
    method: str, shape: tuple[int, int, int], pooling: Any, expected: list[str]
) -> None:
    x = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
    y = np.arange(2)
    torch.manual_seed(0)
    settings = {"method": method, "normalisation": None}
    network = build_network(settings, Split(x, y, y, np.zeros(2, bool), y, 10))
    layers = list_layers(network, torch.from_numpy(x), pooling=pooling)
    reasons = choose_layers(network, layers, torch.from_numpy(x), pooling=pooling)
    assert [*reasons] == expected
    assert [name for name, reason in reasons.items() if reason.startswith("the logits")] == ["fc"]


def make_inverted_block(wide: int, narrow: int, stride: int) -> nn.Module:
    """Return a block as EfficientNet's: narrow at its ends, and wider within than any block's output."""
    inside = nn.Sequential(nn.Conv2d(wide, 6 * wide, 1), nn.Conv2d(6 * wide, 6 * wide, 3, stride, padding=1))
    return nn.Sequential(OrderedDict(inside=inside, narrow=nn.Conv2d(6 * wide, narrow, 1)))


def test_of_inverted_blocks_the_outputs_are_chosen_and_what_the_logits_are_made_of() -> None:
    widths = [1, 4, 6, 8, 10, 12, 14, 16]
    blocks = [make_inverted_block(a, b, 1 + n % 2) for n, (a, b) in enumerate(pairwise(widths))]
    parts = OrderedDict(
        blocks=nn.Sequential(*blocks), head=nn.Conv2d(16, 20, 1), pool=nn.AdaptiveMaxPool2d(1)
    )
    parts["fc"] = nn.Sequential(nn.Flatten(), nn.Linear(20, 3))
    x = np.random.default_rng(0).random((2, 1, 16, 16), dtype=np.float32)
    torch.manual_seed(0)
    assert choose(nn.Sequential(parts), torch.from_numpy(x)) == [
        "blocks.0", "blocks.2", "blocks.4", "blocks", "pool", "fc"
    ]  # fmt: skip


def test_of_equal_outputs_the_last_to_end_is_chosen_and_the_logits_are_once() -> None:
    head = nn.Sequential(nn.Linear(64, 3), nn.Identity(), nn.Dropout(0.3))
    body = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.ReLU(), nn.Dropout(0.3))
    layers = OrderedDict(body=body, flatten=nn.Flatten(), head=head)
    assert choose(nn.Sequential(layers)) == ["body.0", "body", "head"]  # flattened, the body is the same


def test_what_comes_before_all_weights_is_not_chosen() -> None:
    before = [nn.AvgPool2d(2), nn.Tanh(), nn.AvgPool2d(2)]
    network = nn.Sequential(*before, nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(16, 3))
    assert choose(network) == ["3", "5"]
    functional = nn.Sequential(nn.AvgPool2d(2), nn.Tanh(), nn.Flatten())
    assert choose(functional) == ["0", "2"]  # the last stands for tanh, since flattened they are the same


@pytest.mark.parametrize("n", range(1, 15))
@pytest.mark.parametrize("same_shape", [True, False])
def test_as_many_as_there_are_up_to_six_or_four_of_one_shape(n: int, same_shape: bool) -> None:
    widths = [64, *[7 if same_shape else 7 + number for number in range(n)]]
    parts: list[nn.Module] = [nn.Linear(a, b) for a, b in pairwise(widths)]
    network = nn.Sequential(nn.Flatten(), *parts)
    places = [int(name) for name in choose(network)]
    assert len(places) == min(n, FEWEST if same_shape else MOST)
    assert places == sorted(set(places))
    assert places[-1] == n
    gaps = np.diff([0, *places] if same_shape else places)
    if not same_shape:
        assert places[0] == 1
        assert n == 1 or places[-2] == n - 1  # what the logits are made of
        gaps = gaps[:-2] if n > MOST else gaps
    assert not len(gaps) or gaps.max() - gaps.min() <= 1 + same_shape


def test_names_that_no_file_may_have_are_listed_and_not_chosen() -> None:
    parts = OrderedDict(
        {"a/b": nn.Flatten(), "c d": nn.Linear(64, 9), "e-f": nn.Tanh(), "g": nn.Linear(9, 3)}
    )
    assert [*list_all(nn.Sequential(parts))] == ["a/b", "c d", "e-f", "g"]
    assert choose(nn.Sequential(parts)) == ["g"]


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.bfloat16()


class Tokens(nn.Module):
    """Makes the number of each brightest pixel, and it alone reaches the logits."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).argmax(dim=1, keepdim=True)


class Embeds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.less, self.tokens, self.table, self.fc = Half(), Tokens(), nn.Embedding(64, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.table(self.tokens(self.less(x))).flatten(1))
        return logits


def test_integers_are_never_chosen_and_half_precision_is_a_float() -> None:
    x = torch.zeros(2, 1, 8, 8)
    x[0, 0, 0, 3] = x[1, 0, 5, 2] = 1
    layers = list_all(Embeds(), x, "mean")
    assert (layers["tokens"].shape, layers["tokens"].carries_all) == ((1,), None)
    assert (layers["less"].shape, layers["less"].carries_all) == ((1, 8, 8), True)
    assert choose(Embeds(), x) == ["table", "fc"]


def test_without_a_candidate_the_user_is_to_name_layers() -> None:
    class Sum(Bypassed):
        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)
            return self.layer(x)[:, :3] + self.by(x)[:, :3]

    with pytest.raises(
        InputError, match="^no layer of the network carries all .*, allowed are names of layers"
    ):
        choose(Sum(1))


def test_a_network_that_makes_the_same_logits_of_all_is_named_before_the_gate() -> None:
    """Pixels far from those that the network was trained on leave no ReLU above zero."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 3))
    network[1].weight.data.abs_()
    for pixels, is_dead in ((X, False), (X - 40, True)):
        layers = list_layers(network, pixels, pooling="none")
        with (
            pytest.raises(InputError, match="^the network makes the same logits of two different images")
            if is_dead
            else nullcontext()
        ):
            assert choose_layers(network, layers, pixels, pooling="none")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["stem", "never"], "the network has a layer 'never' and makes no use of it"),
        (
            ["twice"],
            "the network calls 'twice' more than once for an input, allowed are layers that it calls",
        ),
        (["shape"], "the layer 'shape' makes no tensor with a row for each input, allowed are layers whose"),
        (["stem", "relu9"], "the network has no layer 'relu9', allowed are stem, norm, relu, never, "),
    ],
)
def test_named_layers_that_cannot_be_captured_are_one_sentence(names: list[str], sentence: str) -> None:
    network = Odd()
    layers = [*list_all(network).values()]
    check_named(network, layers, ["skipped", "tokens", "fc"])
    with pytest.raises(InputError, match=f"^{sentence}"):
        check_named(network, layers, names)


def make_split(x: Tensor, y: list[int]) -> Split:
    labels = np.array(y)
    return Split(x.numpy(), labels, labels, np.zeros(len(y), bool), np.arange(len(y)), 3)


def test_two_rows_are_different_and_of_two_classes_where_there_are_such() -> None:
    a, b, c = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))

    def pick(rows: list[Tensor], y: list[int]) -> list[Tensor]:
        return [*choose_two_rows(make_split(torch.stack(rows), y))]

    assert all(map(torch.equal, pick([a, a, b, a, c], [1, 1, 1, 2, 2]), [a, c]))
    assert all(map(torch.equal, pick([a, a, b, c], [1, 1, 1, 1]), [a, b]))
    assert all(map(torch.equal, pick([a, b, a], [1, 1, 2]), [a, b]))
    for rows in ([a, a, a], [a]):
        with pytest.raises(InputError, match=f"^all {len(rows)} images of the split are the same, allowed"):
            pick(rows, [1, 2, 2][: len(rows)])


FACTORY = """
from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
"""


def set_up(folder: Path) -> dict[str, Any]:
    """Write what the programs read, and return what both take."""
    name = f"mine_{folder.name}"  # one that Python has not imported yet
    (folder / "of_the_user").mkdir()
    (folder / f"of_the_user/{name}.py").write_text(FACTORY)
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    write_split(folder / "split.npz", make_split(x, [0, 1, 2, 0, 1]))
    network = {
        **{"method": "factory", "factory": f"{name}:make", "folder": str(folder / "of_the_user")},
        **{"arguments": {}, "weights": None, "train": None, "environment": None},
        **{"normalisation": {"mean": [0.5], "std": [0.25]}},
    }
    import_weights(split=folder / "split.npz", output=folder / "model.pt", network=network)
    return {"split": folder / "split.npz", "weights": folder / "model.pt", "network": network}


def test_the_programs_list_the_layers_and_extract_those_that_are_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = set_up(tmp_path) | {"pooling": "mean", "names": []}
    capsys.readouterr()
    list_layers_program(**given, table=tmp_path / "layers.csv")
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["0", "1", "4"]
    table = [*csv.DictReader((tmp_path / "layers.csv").open(newline=""))]
    assert [(row["layer"], row["class"], row["shape"], row["floats"]) for row in table] == [
        ("0", "Conv2d", "4x6x6", "4"),
        ("1", "ReLU", "4x6x6", "4"),
        ("2", "AdaptiveAvgPool2d", "4x1x1", "4"),
        ("3", "Flatten", "4", "4"),
        ("4", "Linear", "3", "3"),
    ]
    assert {(row["calls"], row["carries_all"]) for row in table} == {("1", "True")}
    assert table[0]["gigabytes"] == "0.000000"
    chosen = [row["layer"] for row in table if row["chosen"] == "True"]
    assert chosen == ["0", "1", "4"]

    extract = {"layers": tmp_path / "layers", "logits": tmp_path / "logits.npy", "batch_size": 2}
    extract_layers(**given, **extract, table=tmp_path / "layers.csv")
    found = open_layers(tmp_path / "layers", np.float32, rows=5)
    assert {name: of.shape for name, of in found.items()} == {"0": (5, 4), "1": (5, 4), "4": (5, 3)}
    assert np.array_equal(np.load(tmp_path / "logits.npy"), found["4"])


def test_named_layers_are_taken_as_they_stand_and_the_wrong_are_refused(tmp_path: Path) -> None:
    given = set_up(tmp_path) | {"pooling": "none", "table": tmp_path / "layers.csv"}
    list_layers_program(**given, names=["3", "1"])
    table = [*csv.DictReader((tmp_path / "layers.csv").open(newline=""))]
    assert [row["layer"] for row in table if row["chosen"] == "True"] == ["1", "3"]
    with pytest.raises(InputError, match="^the network has no layer '9', allowed are 0, 1, 2, 3, 4$"):
        list_layers_program(**given, names=["9"])


def test_a_resnet_50_of_50_000_rows_stays_below_2_gigabytes() -> None:
    """By the shapes that its layers have at 224 pixels, of which `layers: auto` chooses these."""
    shapes = [(64, 112, 112), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7), (1000,)]

    def measure(pooling: Any) -> float:
        kept = (pool(torch.empty(1, *shape), pooling).shape[1] for shape in shapes)
        sizes = [Layer("", "", 1, None, floats, True).count_gigabytes(50_000) for floats in kept]
        return sum(size for size in sizes if size)

    assert measure("mean") == pytest.approx((64 + 256 + 512 + 1024 + 2048 + 1000) * 4 * 50_000 / 1e9)
    assert round(measure("mean")) == 1
    assert round(measure("none")) == 462  # as docs/own-models.md has it


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "pixels"),
    [("resnet18", 32), ("resnet18", 64), ("densenet121", 32), ("mobilenet_v3_small", 32)],
)
def test_of_torchvisions_networks_those_are_chosen_whose_stages_have_names(method: str, pixels: int) -> None:
    """Of a ResNet the stem, the four stages and the logits."""
    from layeraudit.torchvision_beside_cpu_torch import torchvision

    torch.manual_seed(0)
    network = getattr(torchvision.models, method)(num_classes=10)
    x = torch.rand(2, 3, pixels, pixels)
    layers = list_layers(network, x, pooling="mean")
    carry = [layer.name for layer in layers if layer.carries_all]
    chosen = [*choose_layers(network, layers, x, pooling="mean")]
    if method == "resnet18":
        # On 32 pixels the maps of layer4 are one pixel, and avgpool, the later, has the same output. On more
        # pixels its output is another with the same mean; then the stage is taken.
        last = "avgpool" if pixels == 32 else "layer4"
        assert chosen == ["relu", "layer1", "layer2", "layer3", last, "fc"]
        blocks = {f"layer{stage}{end}" for stage in range(1, 5) for end in ("", ".0", ".1")}
        assert {*carry} == blocks | {"conv1", "bn1", "relu", "maxpool", "avgpool", "fc"}
    if method == "densenet121":
        assert not [name for name in carry if "denselayer" in name]
        assert {f"features.denseblock{number}" for number in range(1, 5)} <= {*carry}
    assert MOST - 1 <= len(chosen) <= MOST
    assert chosen[-1] in ("fc", "classifier")


def test_a_layer_of_a_block_is_tried_where_the_network_calls_it() -> None:
    """Blocks that are run alone find what runs of the whole network find."""

    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.gate = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)

        def forward(self, x: Tensor, *more: Tensor, scale: float = 1.0) -> Tensor:
            x = self.first(x)
            return x + scale * self.second(x).tanh()

    class Outer(nn.Module):
        """Calls a part of a block before the block, and a block with two inputs."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c, self.fc = Inner(), Inner(), Inner(), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a.gate(x)
            x = self.b(self.a(x), x, scale=0.5)
            logits: Tensor = self.fc(self.c(x) * self.c.gate(x))
            return logits

    layers = list_all(Outer(), torch.rand(2, 6))
    carry = {name for name, layer in layers.items() if layer.carries_all}
    assert carry == {"a", "a.gate", "a.first", "b", "b.first", "fc"}


PAGE = "docs/own-models.md"


def test_the_page_on_models_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code, recipe), (lines, others), (table,) = (
        read_blocks(PAGE, language) for language in ("python", "yaml", "csv")
    )
    (path,) = re.findall(r"here `([^`]+)`", (REPOSITORY / PAGE).read_text())
    monkeypatch.chdir(tmp_path)
    Path(path).parent.mkdir()
    Path(path).write_text(f"import torch\n{code}\n\n{recipe}")
    network = yaml.safe_load(lines)["networks"]["mine"]
    n = 240
    x = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    write_split(Path("split.npz"), make_split(x, [row % 3 for row in range(n)]))
    images = read_split(Path("split.npz"))
    torch.manual_seed(0)
    torch.save(build_network(network | {"weights": None}, images).state_dict(), network["weights"])

    configuration = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    pictures = {
        "method": "image_folder",
        "train": ".",
        "classes": None,
        "channels": 1,
        "size": [28, 28],
        "held_out": 0.2,
    }
    audit = {"dataset": "pictures", "network": "mine", "layers": "auto", "pooling": "mean"}
    configuration["datasets"]["pictures"] = pictures
    configuration["networks"]["mine"] = network
    configuration["audits"]["my_audit"] = audit | {"expected_accuracy": None, "inputs": None}
    schema = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())
    assert "my_audit" not in check(configuration, schema)
    Path("my_network.onnx").touch()
    Path("my_folder").mkdir()
    ways_in = yaml.safe_load(others)["networks"]
    assert [way["method"] for way in ways_in.values()] == ["onnx", "hugging_face"]
    for name in ways_in:
        changed = copy.deepcopy(configuration) | {"networks": configuration["networks"] | ways_in}
        changed["audits"]["my_audit"]["network"] = name
        assert "my_audit" not in check(changed, schema)

    import_weights(split=Path("split.npz"), output=Path("model.pt"), network=network)
    files = {"split": Path("split.npz"), "weights": Path("model.pt"), "table": Path("layers.csv")}
    list_layers_program(**files, network=network, names=[], pooling="mean")
    assert Path("layers.csv").read_text().splitlines() == table.splitlines()

    before = Path("model.pt").read_bytes()
    network["train"] = "my_network:train"
    train_again(split=Path("split.npz"), output=Path("model.pt"), network=network, seed=1)
    assert Path("model.pt").read_bytes() != before
    Path("idle.py").write_text("def train(network, images, labels):\n    pass\n")
    network |= {"train": "idle:train", "folder": None}
    monkeypatch.syspath_prepend(tmp_path)
    network["factory"] = "layeraudit.networks._resnet:ResNet"
    network["arguments"] = {"channels": 1, "n_classes": 3, "blocks_in_a_stage": 1}
    with pytest.raises(InputError, match="idle:train leaves all weights as they are"):
        train_again(split=Path("split.npz"), output=Path("idle.pt"), network=network, seed=1)
    assert not Path("idle.pt").exists()
