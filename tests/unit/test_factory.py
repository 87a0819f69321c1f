"""A network of a user's own function: called as the configuration says, or refused in one sentence."""

import copy
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import REPOSITORY
from torch import nn

from layeraudit.activations import capture
from layeraudit.configuration import check
from layeraudit.errors import InputError
from layeraudit.experiments import list_audits, list_experiments
from layeraudit.networks import build_network, read_network, write_weights
from layeraudit.splits import Split

pytestmark = pytest.mark.usefixtures("one_thread")

X = np.random.default_rng(0).random((3, 1, 4, 4), dtype=np.float32)
Y = np.array([0, 1, 2])
IMAGES = Split(X, Y, Y, np.zeros(3, bool), np.arange(3), 3)


@pytest.fixture(autouse=True)
def path_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a factory does: it puts its folder on Python's path, and has it write no bytecode."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)


def write_module(folder: Path, code: str) -> str:
    """Write a module under a name that no other test has imported, and return its name."""
    name = f"mine_{abs(hash(str(folder)))}"
    (folder / f"{name}.py").write_text(code)
    return name


def build(folder: Path, code: str, function: str = "make", **arguments: Any) -> nn.Module:
    name = write_module(folder, f"import torch\nfrom torch import nn\n{code}")
    return build_network(set_up(f"{name}:{function}", str(folder), **arguments), IMAGES)


def set_up(factory: str, folder: str | None, **arguments: Any) -> dict[str, Any]:
    return {
        **{"method": "factory", "factory": factory, "folder": folder, "arguments": arguments},
        **{"weights": None, "train": None, "environment": None, "normalisation": None},
    }


LINEAR = "def make(**_):\n    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3)){}\n"


@pytest.mark.parametrize(
    ("signature", "fits"),
    [
        ("network, images, labels", True),
        ("network, images, labels, epochs=3", True),
        ("*given", True),
        ("images, labels", False),
        ("network, images, labels, epochs", False),
        ("network, *, images, labels", False),
    ],
)
def test_a_training_function_that_takes_other_arguments_is_refused_at_once(
    signature: str, fits: bool, tmp_path: Path
) -> None:
    code = f"from torch import nn\n{LINEAR.format('')}def fit({signature}):\n    raise RuntimeError"
    name = write_module(tmp_path, code)
    network = set_up(f"{name}:make", str(tmp_path)) | {"train": f"{name}:fit"}
    if fits:
        build_network(network, IMAGES)
    else:
        with pytest.raises(InputError, match=f"{name}:fit cannot be called with network, images and labels"):
            build_network(network, IMAGES)


def test_the_function_is_called_with_the_arguments(tmp_path: Path) -> None:
    code = (
        "def make(widths, bias=True):\n    return nn.Sequential(nn.Flatten(), nn.Linear(*widths, bias=bias))"
    )
    built = build(tmp_path, code, widths=[16, 3], bias=False)
    assert isinstance(built, nn.Sequential)
    assert [*built.state_dict()] == ["1.weight"]
    assert built.training


def test_a_function_may_lie_in_a_class_of_a_package_that_is_installed() -> None:
    arguments = {"channels": 1, "n_classes": 3, "blocks_in_a_stage": 1}
    built = build_network(set_up("layeraudit.networks._resnet:ResNet", None, **arguments), IMAGES)
    assert type(built).__name__ == "ResNet"


def test_a_package_of_the_folder_is_found_and_python_writes_nothing_into_it(tmp_path: Path) -> None:
    linear = "nn.Sequential(nn.Flatten(), nn.Linear(16, WIDTH))"
    (tmp_path / "of_my_own").mkdir()
    (tmp_path / "of_my_own/parts.py").write_text("WIDTH = 3\n")
    code = "from torch import nn\nfrom of_my_own.parts import WIDTH\n"
    code += f"class Nets:\n    @staticmethod\n    def make():\n        return {linear}"
    (tmp_path / "of_my_own/nets.py").write_text(code)
    before = sorted(tmp_path.rglob("*"))
    build_network(set_up("of_my_own.nets:Nets.make", str(tmp_path)), IMAGES)
    assert sorted(tmp_path.rglob("*")) == before


def test_weights_of_less_precision_are_float32(tmp_path: Path) -> None:
    for dtype in ("half", "bfloat16", "double"):
        folder = tmp_path / dtype
        folder.mkdir()
        built = build(folder, LINEAR.format(f".{dtype}()"))
        assert {tensor.dtype for tensor in built.state_dict().values()} == {torch.float32}


WRAPPED = """
class Outputs(dict):
    __getattr__ = dict.__getitem__

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 3)
    def forward(self, x):
        logits = self.fc(x.flatten(1))
        return {}

def make():
    return Net()
"""


@pytest.mark.parametrize(
    "returned", ["Outputs(logits=logits)", "(logits, x)", "[logits]", "(logits,)", "logits"]
)
def test_logits_are_taken_from_an_object_or_the_first_of_several(returned: str, tmp_path: Path) -> None:
    built = build(tmp_path, WRAPPED.format(returned)).eval()
    assert [name for name, _ in built.named_modules()] == ["", "fc"]
    assert [*built.state_dict()] == ["fc.weight", "fc.bias"]
    x = torch.from_numpy(X)
    (found,) = capture(built, x, ["fc", ""], batch_size=3)
    assert torch.equal(found[""], found["fc"])
    assert torch.equal(built(x), found["fc"])


def test_it_is_read_again_with_the_weights_that_were_written(tmp_path: Path) -> None:
    name = write_module(tmp_path, f"from torch import nn\n{LINEAR.format('')}")
    settings = set_up(f"{name}:make", str(tmp_path))
    built = build_network(settings, IMAGES)
    write_weights(built, tmp_path / "model.pt")
    again = read_network(settings, tmp_path / "model.pt", IMAGES)
    assert torch.equal(again(torch.from_numpy(X)), built(torch.from_numpy(X)))


RAISES = """
def deep(x):
    return {}[x]

class Net(nn.Module):
    def forward(self, x):
        return deep("nothing")

def make(fails=True):
    return deep("colour") if fails else Net()

def leaves():
    raise SystemExit(3)

def is_wide():
    return nn.Sequential(nn.Flatten(), nn.Linear(17, 3))
"""
"""Its third line, the fifth of the file, raises."""


@pytest.mark.parametrize(
    ("function", "arguments", "what", "line"),
    [
        ("make", {}, "ends in KeyError: 'colour'", 5),
        ("make", {"fails": False}, "on images of [1, 4, 4], ends in KeyError: 'nothing'", 5),
        ("make", {"size": 3}, "ends in TypeError: make() got an unexpected keyword argument 'size'", None),
        ("leaves", {}, "ends in SystemExit: 3", 15),
        ("is_wide", {}, "on images of [1, 4, 4], ends in RuntimeError: mat1 and mat2 shapes", None),
        ("none", {}, "ends in AttributeError: module 'mine_", None),
    ],
)
def test_what_the_users_code_raises_is_one_sentence_with_its_line(
    function: str, arguments: dict[str, Any], what: str, line: int | None, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as raised:
        build(tmp_path, RAISES, function, **arguments)
    sentence = str(raised.value)
    name = next(tmp_path.glob("*.py"))
    assert sentence.startswith(f"{name.stem}:{function}")
    assert what in sentence
    assert sentence.endswith(f" ({name}, line {line})") == (line is not None)
    assert sentence.isprintable()


@pytest.mark.parametrize(
    ("code", "what", "line"),
    [
        ("def make(:", "SyntaxError", 3),
        ("import a_package_that_nobody_has", "ModuleNotFoundError: No module named 'a_package_that_nobo", 3),
        ("\n1 / 0", "ZeroDivisionError", 4),
    ],
)
def test_a_file_that_cannot_be_run_is_one_sentence_with_its_line(
    code: str, what: str, line: int, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"^mine_[0-9]+:make ends in {what}.*py, line {line}\\)$"):
        build(tmp_path, code)


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^nowhere_at_all:make ends in ModuleNotFoundError: No module named"):
        build_network(set_up("nowhere_at_all:make", str(tmp_path)), IMAGES)


@pytest.mark.parametrize("name", ["math", "json", "numpy"])
def test_a_file_named_like_another_module_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("def make(): pass\n")
    with pytest.raises(InputError, match=f"^{name} is a module of another package too, allowed is "):
        build_network(set_up(f"{name}:make", str(tmp_path)), IMAGES)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("5", "returns an object of int, allowed is a torch.nn.Module"),
        (
            "nn.Flatten()",
            r"makes \[2, 16\] of two images, allowed are logits, \[2, 3\], alone, as .logits, or",
        ),
        ("nn.Sequential(nn.Flatten(), nn.Linear(16, 4))", r"makes \[2, 4\] of two images, allowed are"),
        ("nn.Sequential(nn.Flatten(0), nn.Linear(32, 3))", r"makes \[3\] of two images, allowed are"),
        (
            "nn.Sequential(nn.Flatten(), nn.LSTM(16, 4))",
            "makes an object of tuple of two images, allowed are",
        ),
    ],
)
def test_what_is_no_network_or_makes_no_logits_is_one_sentence(
    returned: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"^(the network of )?mine_[0-9]+:make {sentence}"):
        build(tmp_path, f"def make():\n    return {returned}\n")


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
@pytest.mark.parametrize("whole", [True, False])
def test_torchscript_takes_no_hooks_and_is_refused(whole: bool, tmp_path: Path) -> None:
    code = "def make():\n    part = torch.jit.script(nn.Linear(16, 3))\n"
    code += f"    return {'part' if whole else 'nn.Sequential(nn.Flatten(), part)'}\n"
    with pytest.raises(InputError, match="^mine_[0-9]+:make returns TorchScript, whose layers take no hooks"):
        build(tmp_path, code)


def test_an_exported_program_is_one_sentence(tmp_path: Path) -> None:
    """Its module is a network too, but one that cannot be put into evaluation mode."""
    code = LINEAR.replace("make", "net").format("")
    code += "def make(): return torch.export.export(net(), (torch.zeros(2, 1, 4, 4),)){}\n"
    for call, reason in (("", "returns an object of ExportedProgram"), (".module()", r"eval\(\) is not")):
        (tmp_path / (call or "program")).mkdir()
        with pytest.raises(InputError, match=f"^mine_[0-9]+:make.*{reason}"):
            build(tmp_path / (call or "program"), code.format(call))


def test_a_constructor_of_torchvision_is_a_factory() -> None:
    settings = set_up("torchvision.models:squeezenet1_1", None, num_classes=3)
    larger = Split(np.zeros((3, 3, 32, 32), np.float32), Y, Y, np.zeros(3, bool), np.arange(3), 3)
    assert type(build_network(settings, larger)).__name__ == "SqueezeNet"


def test_a_network_that_drops_a_batch_of_one_is_one_sentence(tmp_path: Path) -> None:
    squeezes = WRAPPED.format("logits.squeeze()")
    with pytest.raises(InputError, match=r"^factory makes \[3\] of an image, allowed are logits, \[1, 3\]$"):
        build(tmp_path, squeezes)


def test_pixels_are_normalised_before_the_users_network(tmp_path: Path) -> None:
    name = write_module(tmp_path, f"from torch import nn\n{LINEAR.format('')}")
    torch.manual_seed(0)
    settings = set_up(f"{name}:make", str(tmp_path))
    plain = build_network(settings, IMAGES)
    torch.manual_seed(0)
    normalised = build_network(settings | {"normalisation": {"mean": [0.5], "std": [0.25]}}, IMAGES)
    x = torch.from_numpy(X)
    torch.testing.assert_close(normalised(x), plain((x - 0.5) / 0.25))


DEFAULT = json.loads(json.dumps(yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())))
SCHEMA = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())


@pytest.fixture
def configuration(tmp_path: Path) -> dict[str, Any]:
    """Return the default configuration, with a factory `mine`, an experiment of it, and an audit `given`."""
    for name in ("code", "weights"):
        (tmp_path / name).mkdir()
    (tmp_path / "weights/mine.pt").touch()
    changed = copy.deepcopy(DEFAULT)
    changed["networks"]["mine"] = set_up(
        "mine.nets:make", str(tmp_path / "code"), width=[3, None, {"a": 0.5}]
    )
    changed["networks"]["given"] = changed["networks"]["mine"] | {
        "weights": str(tmp_path / "weights/mine.pt")
    }
    changed["experiments"]["mine"] = changed["experiments"]["fashion"] | {
        **{"network": "mine", "layers": ["blocks.0", "fc"], "seeds": [1], "inputs": {}},
        "attacker": {},
    }
    audit = {"dataset": "mnist", "network": "given", "layers": "auto", "pooling": "mean"}
    changed["audits"]["given"] = audit | {"expected_accuracy": 0.9, "inputs": None}
    return changed


def find(configuration: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with experiments and audits, but for detectors, which name layers of ours."""
    return {name: of for name, of in check(configuration, SCHEMA).items() if "/" not in name}


def test_a_factory_may_be_in_an_experiment_that_names_its_layers_and_in_an_audit(
    configuration: dict[str, Any],
) -> None:
    assert find(configuration) == {}
    assert list_experiments(configuration)["mine"]["layers"] == ["blocks.0", "fc"]
    assert list_audits(configuration)["given"]["layers"] == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"layers": None},
            "experiments.mine.layers is null, allowed are names of layers, as the method of mine",
        ),
        (
            {"pretraining": 10},
            "experiments.mine.pretraining is 10, allowed is 0, as the method of mine is fact",
        ),
        (
            {"network": "given"},
            "experiments.mine.network is 'given', which has weights, allowed are networks ",
        ),
    ],
)
def test_what_an_experiment_cannot_do_with_a_factory_is_one_sentence(
    changes: dict[str, Any], sentence: str, configuration: dict[str, Any]
) -> None:
    configuration["experiments"]["mine"] |= changes
    found = find(configuration)
    assert [*found] == ["mine"]
    assert found["mine"].startswith(sentence)


@pytest.mark.parametrize("method", ["onnx", "hugging_face"])
def test_a_network_that_holds_its_weights_is_for_audits_alone(
    method: str, configuration: dict[str, Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "code")
    options = {"file": path, "output": None} if method == "onnx" else {"folder": path, "environment": None}
    configuration["networks"]["given"] = {"method": method, "normalisation": None} | options
    assert find(configuration) == {}
    configuration["experiments"]["mine"]["network"] = "given"
    sentence = "experiments.mine.network is 'given', which has weights, allowed are networks to train; only"
    assert find(configuration)["mine"].startswith(sentence)


def test_an_audit_of_a_network_without_weights_is_one_sentence(configuration: dict[str, Any]) -> None:
    configuration["audits"]["given"]["network"] = "lenet"
    sentence = "audits.given.network is 'lenet', of the method lenet, allowed are networks whose method is"
    assert find(configuration)["given"].startswith(sentence)


def test_attacks_do_not_transfer_from_a_network_that_names_no_layers(configuration: dict[str, Any]) -> None:
    configuration["transfer"]["experiments"]["clean"]["sources"] = ["mine"]
    with pytest.raises(InputError, match="sources.0. is 'mine', allowed are networks but the audited one: "):
        check(configuration, SCHEMA)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("factory", "mine.make", "is 'mine.make', allowed is a text such as package.module:function"),
        ("factory", "mine:make\n", r"is 'mine:make\\n', allowed is a text such as package.module:function"),
        ("factory", "os:system('x')", "is .*, allowed is a text such as package.module:function"),
        ("folder", "nowhere", "is 'nowhere', which does not exist, allowed is what can be read"),
        (
            "environment",
            "mine.txt",
            "is 'mine.txt', allowed is null or a file of a conda environment, .yaml or .yml",
        ),
        ("environment", "mine.yaml", "is 'mine.yaml', which does not exist, allowed is what can be read"),
        ("weights", "nowhere.pt", "is 'nowhere.pt', which does not exist, allowed is what can be read"),
        ("arguments", [1], r"is \[1\], allowed is a mapping of keys"),
        ("arguments", None, "is None, allowed is a mapping of keys"),
    ],
)
def test_options_of_a_factory_are_checked_before_any_work(
    option: str, value: Any, sentence: str, configuration: dict[str, Any]
) -> None:
    configuration["networks"]["mine"][option] = value
    with pytest.raises(InputError, match=f"^networks.mine.{option} {sentence}$"):
        check(configuration, SCHEMA)


@pytest.mark.parametrize("folder", [".", "..", "results/.."])
def test_the_folder_of_results_is_no_folder_of_code(
    folder: str, configuration: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run/results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "run")
    configuration["networks"]["mine"]["folder"] = folder
    with pytest.raises(
        InputError, match=r"^networks.mine.folder is .*, which holds the results too, allowed"
    ):
        check(configuration, SCHEMA)
    configuration["networks"]["mine"]["folder"] = "results"
    assert find(configuration) == {}
