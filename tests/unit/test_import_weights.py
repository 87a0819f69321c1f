"""Weights that are given: in each file form and under each prefix the same; what does not fit, a sentence."""

import io
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_model, save_file, save_model
from torch import Tensor, nn

from import_weights import import_weights
from layeraudit.audit.weights import CONTAINERS, PREFIXES, load_weights, strip_prefixes
from layeraudit.errors import InputError
from layeraudit.files import write_split
from layeraudit.networks._resnet import ResNet
from layeraudit.splits import Split

pytestmark = pytest.mark.usefixtures("one_thread")

X = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def make(seed: int, n_classes: int = 3) -> ResNet:
    torch.manual_seed(seed)
    return ResNet(channels=1, n_classes=n_classes, blocks_in_a_stage=1).eval()


def assert_loaded(network: nn.Module, expected: nn.Module) -> None:
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, expected.state_dict()[name]), name
        assert tensor.dtype == expected.state_dict()[name].dtype
    assert torch.equal(network(X), expected(X))


def under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


FORMS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "plain": lambda weights: weights,
    "dictionary": dict,
    **{name: lambda weights, name=name: {"epoch": 3, name: weights, "note": "x"} for name in CONTAINERS},
    "nested": lambda weights: {"ema": {"decay": 0.9, "state_dict": under("module.", weights)}},
    "both": lambda weights: {"ema": {name: 0 * of for name, of in weights.items()}, "model": weights},
    **{prefix: lambda weights, prefix=prefix: under(prefix, weights) for prefix in PREFIXES},
    "Lightning": lambda weights: {"state_dict": under("model._orig_mod.", weights), "lr": 0.1},
    "compiled, parallel": lambda weights: under("_orig_mod.module.", weights),
    "parallel, compiled": lambda weights: under("module._orig_mod.", weights),
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_found_in_every_form(form: str, tmp_path: Path) -> None:
    given, network = make(1), make(2)
    torch.save(FORMS[form](given.state_dict()), tmp_path / "weights.pth")
    load_weights(network, tmp_path / "weights.pth")
    assert_loaded(network, given)


@pytest.mark.parametrize("prefix", ["", *PREFIXES])
def test_safetensors_are_as_their_own_library_reads_them(prefix: str, tmp_path: Path) -> None:
    given, network, expected = make(1), make(2), make(3)
    save_file(under(prefix, given.state_dict()), tmp_path / "weights.safetensors")
    load_weights(network, tmp_path / "weights.safetensors")
    save_model(given, str(tmp_path / "plain.safetensors"))
    load_model(expected, tmp_path / "plain.safetensors")
    assert_loaded(network, expected)


class Tied(nn.Module):
    """Two linear layers of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 64, bias=False)
        self.second = nn.Linear(64, 64, bias=False)
        self.second.weight = self.first.weight
        self.third = nn.Linear(64, 64, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.third(self.second(self.first(x.flatten(1))))
        return output


@pytest.mark.parametrize("kept", ["first", "second"])
def test_a_tied_weight_may_be_given_once_as_safetensors_have_it(kept: str, tmp_path: Path) -> None:
    given, network, expected = Tied(), Tied(), Tied()
    weights = {name: of for name, of in given.state_dict().items() if name[:3] in (kept[:3], "thi")}
    assert len(weights) == 2
    save_file(weights, tmp_path / "weights.safetensors")
    load_model(expected, tmp_path / "weights.safetensors")
    load_weights(network, tmp_path / "weights.safetensors")
    assert_loaded(network, expected)
    assert_loaded(network, given)
    save_file({"third.weight": weights["third.weight"]}, tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="lacks first.weight, second.weight; allowed are all weights"):
        load_weights(network, tmp_path / "none.safetensors")


def test_a_prefix_that_the_network_itself_has_stays() -> None:
    names = ["model.a", "model.model.b"]
    assert strip_prefixes(names, names) == dict(zip(names, names, strict=True))
    assert strip_prefixes(["module.model.a"], ["model.a"]) == {"module.model.a": "model.a"}
    assert strip_prefixes(["model.a", "a"], ["a"]) == {"model.a": "model.a", "a": "a"}  # not two of one name
    assert strip_prefixes(["x.y"], ["a"]) == {"x.y": "x.y"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_weights_of_another_precision_become_float32(dtype: torch.dtype, ending: str, tmp_path: Path) -> None:
    given, network = make(1), make(2)
    weights = {
        name: of.to(dtype) if of.is_floating_point() else of for name, of in given.state_dict().items()
    }
    (save_file if ending == "safetensors" else torch.save)(weights, tmp_path / f"weights.{ending}")
    load_weights(network, tmp_path / f"weights.{ending}")
    for name, tensor in network.state_dict().items():
        assert tensor.dtype in (torch.float32, torch.int64)
        assert torch.equal(tensor, weights[name].to(tensor.dtype))


def test_weights_from_before_batch_norm_counted_are_taken(tmp_path: Path) -> None:
    given, network = make(1), make(2)
    weights = {name: of for name, of in given.state_dict().items() if "num_batches" not in name}
    torch.save(weights, tmp_path / "weights.pt")
    load_weights(network, tmp_path / "weights.pt")
    assert_loaded(network, given)


class WritesAFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_no_code_of_the_file_is_run(tmp_path: Path) -> None:
    torch.save({"fc.weight": WritesAFile(tmp_path / "run")}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"holds Python objects such as \S+, and reading these runs code"):
        load_weights(make(1), tmp_path / "weights.pt")
    assert not (tmp_path / "run").exists()


def change(**changes: Any) -> Callable[[OrderedDict[str, Tensor]], Any]:
    """Return a function that changes weights; None leaves one out."""

    def apply(weights: OrderedDict[str, Tensor]) -> Any:
        changed = {**weights, **{name.replace("__", "."): of for name, of in changes.items()}}
        return {name: of for name, of in changed.items() if of is not None}

    return apply


FAULTS: list[tuple[Callable[[OrderedDict[str, Tensor]], Any], str]] = [
    (change(fc__bias=None), "lacks fc.bias; allowed are all weights of the network and no other"),
    (
        change(**{f"conv{i}__weight": None for i in range(2)}, more=torch.zeros(1)),
        "lacks conv1.weight and has more; allowed",
    ),
    (lambda _: {}, "lacks conv1.weight, norm1.weight, norm1.bias and 44 more; allowed are"),
    (
        lambda _: make(1, 4).state_dict(),
        r"has fc.weight as floating \[4, 64\] in place of floating \[3, 64\]",
    ),
    (change(fc__bias=torch.zeros(3, dtype=torch.int8)), r"has fc.bias as int8 \[3\] in place of floating"),
    (change(fc__bias=torch.tensor([0, torch.nan, 0])), "fc.bias holds NaN or infinity, allowed are finite"),
    (change(fc__bias=torch.tensor([0, 1e39, 0], dtype=torch.float64)), "fc.bias holds NaN or infinity"),
    (change(fc__bias=3), "has 'fc.bias', an object of int; allowed are a state_dict"),
    (lambda _: [1, 2], "holds an object of list; allowed are a state_dict, as torch.save"),
    (lambda _: make(1), "holds Python objects such as layeraudit.networks._resnet.ResNet, and reading these"),
]


@pytest.mark.parametrize(("fault", "sentence"), FAULTS)
def test_weights_that_do_not_fit_are_one_sentence(
    fault: Callable[[OrderedDict[str, Tensor]], Any], sentence: str, tmp_path: Path
) -> None:
    torch.save(fault(make(1).state_dict()), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=sentence) as raised:
        load_weights(make(2), tmp_path / "weights.pt")
    assert str(raised.value).startswith(f"{tmp_path / 'weights.pt'}")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_a_file_that_is_cut_short_or_missing_is_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(InputError, match=f"{name} does not exist$"):
        load_weights(make(1), path)
    (save_file if "safe" in name else torch.save)(make(1).state_dict(), path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=f"{name} cannot be read: .*; allowed are a state_dict") as raised:
        load_weights(make(1), path)
    assert "\n" not in str(raised.value)


def set_up(folder: Path, weights: str | None) -> dict[str, Any]:
    """Write a split, and return the inputs and settings of the program."""
    y = np.array([0, 2])
    write_split(folder / "split.npz", Split(X.numpy(), y, y, np.zeros(2, bool), np.arange(2), 3))
    network = {
        **{"method": "factory", "factory": "layeraudit.networks._resnet:ResNet", "folder": None},
        "arguments": {"channels": 1, "n_classes": 3, "blocks_in_a_stage": 1},
        **{"weights": weights, "train": None, "environment": None, "normalisation": None},
    }
    return {"split": folder / "split.npz", "output": folder / "model.pt", "network": network}


def read_plain(path: Path) -> dict[str, Tensor]:
    weights = torch.load(io.BytesIO(path.read_bytes()), weights_only=True)
    assert all(isinstance(tensor, Tensor) for tensor in weights.values())
    return dict(weights)


def test_the_program_writes_a_plain_state_dict(tmp_path: Path) -> None:
    given = under("module.", make(1).half().state_dict())
    torch.save({"state_dict": given}, tmp_path / "mine.pth")
    import_weights(**set_up(tmp_path, str(tmp_path / "mine.pth")))
    written = read_plain(tmp_path / "model.pt")
    assert [*written] == [*make(1).state_dict()]
    assert {tensor.dtype for tensor in written.values()} == {torch.float32, torch.int64}
    for name, tensor in written.items():
        assert torch.equal(tensor, given[f"module.{name}"].to(tensor.dtype)), name


def test_without_a_file_the_weights_are_the_factorys_and_the_same_each_time(tmp_path: Path) -> None:
    settings = set_up(tmp_path, None)
    import_weights(**settings)
    first = (tmp_path / "model.pt").read_bytes()
    torch.rand(3)
    import_weights(**settings)
    assert (tmp_path / "model.pt").read_bytes() == first
    assert [*read_plain(tmp_path / "model.pt")] == [*make(0).state_dict()]
