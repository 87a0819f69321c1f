"""A step's command line is its signature; a mistake ends in one sentence; outputs are recorded."""

import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.cli import Input, Output, make_parser, run
from layeraudit.errors import InputError


def step(
    *,
    source: Input,
    others: list[Input],
    maybe: Input | None = None,
    output: Output,
    k: int,
    rate: float,
    rates: list[float],
    mode: Literal["paper", "conformal"],
    name: str,
    longest: float | None,
    keep: bool,
    options: dict[str, Any],
    threads: int = 1,
) -> None:
    """Write what was given.

    k : neighbours, up to 100 % of them
    """
    output.write_text(
        repr((source, others, maybe, k, rate, rates, mode, name, longest, keep, options, threads))
    )


WORDS = {
    "--source": ["a.npz"],
    "--others": ["b.npz", "c.npz"],
    "--output": ["out.txt"],
    "--k=3": [],
    "--rate=1": [],
    "--rates=[1, 0.5]": [],
    "--mode=paper": [],
    "--name=2": [],
    "--longest=null": [],
    "--keep=false": [],
    '--options={"a": [1, null]}': [],
}


def words(**changes: list[str] | None) -> list[str]:
    options = {key.partition("=")[0]: [key, *files] for key, files in WORDS.items()}
    options |= {f"--{name}": change or [] for name, change in changes.items()}
    return [word for option in options.values() for word in option]


def test_options_are_read_by_their_types() -> None:
    found = vars(make_parser(step).parse_args(words()))
    assert found == {
        "source": Path("a.npz"),
        "others": [Path("b.npz"), Path("c.npz")],
        "maybe": None,
        "output": Path("out.txt"),
        "k": 3,
        "rate": 1.0,
        "rates": [1.0, 0.5],
        "mode": "paper",
        "name": "2",
        "longest": None,
        "keep": False,
        "options": {"a": [1, None]},
        "threads": 1,
    }
    assert [type(found[name]) for name in ("rate", "k")] == [float, int]
    assert [type(rate) for rate in found["rates"]] == [float, float]


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("k", "--k=3.0"),
        ("k", "--k=true"),
        ("k", "--k=three"),
        ("rate", "--rate=[1]"),
        ("rates", "--rates=1"),
        ("mode", "--mode=other"),
        ("keep", "--keep=1"),
        ("options", "--options=[]"),
        ("longest", "--longest=far"),
        ("threads", "--threads=null"),
    ],
)
def test_a_value_of_another_type_is_refused(option: str, given: str, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        make_parser(step).parse_args(words(**{option: [given]}))
    assert ended.value.code == 2
    assert f"--{option}" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["source", "k", "keep"])
def test_what_has_no_default_is_required(option: str, capsys) -> None:
    with pytest.raises(SystemExit):
        make_parser(step).parse_args(words(**{option: None}))
    assert f"--{option}" in capsys.readouterr().err


def test_no_option_can_be_shortened() -> None:
    with pytest.raises(SystemExit):
        make_parser(step).parse_args([*words(threads=None), "--thread=2"])


def test_help_is_the_docstring(capsys) -> None:
    with pytest.raises(SystemExit):
        make_parser(step).parse_args(["--help"])
    printed = capsys.readouterr().out
    assert "neighbours, up to 100 % of them" in printed
    assert __doc__.split(";")[0] in printed


def test_positional_parameters_are_no_step() -> None:
    def wrong(k: int) -> None: ...

    with pytest.raises(TypeError, match="k of wrong"):
        make_parser(wrong)


@given(st.floats(allow_nan=False, allow_infinity=False), st.lists(st.text(max_size=5), max_size=3))
def test_any_setting_comes_through_as_it_was(rate: float, names: list[str]) -> None:
    import json

    def any_step(*, rate: float, names: list[str]) -> None: ...

    found = make_parser(any_step).parse_args([f"--rate={json.dumps(rate)}", f"--names={json.dumps(names)}"])
    assert (found.rate, found.names) == (rate, names)


def copy(*, source: Input, output: Output) -> None:
    """Write a copy."""
    text = source.read_text()
    if text == "wrong":
        raise InputError("the text is wrong")
    if text == "bug":
        raise KeyError("bug")
    output.write_text(text)


def run_copy(monkeypatch: pytest.MonkeyPatch, source: Path, output: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["copy.py", "--source", str(source), "--output", str(output)])
    run(copy)


def test_outputs_are_recorded_and_inputs_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("right")  # from elsewhere, without a record
    run_copy(monkeypatch, tmp_path / "a", tmp_path / "b")
    run_copy(monkeypatch, tmp_path / "b", tmp_path / "c")
    (tmp_path / "b").write_text("rightly")
    with pytest.raises(SystemExit) as ended:
        run_copy(monkeypatch, tmp_path / "b", tmp_path / "c")
    assert str(ended.value).startswith(f"copy.py: {tmp_path / 'b'} is not the file that was written there")
    assert (tmp_path / "c").read_text() == "right"


@pytest.mark.parametrize(
    ("text", "said"), [("wrong", "copy.py: the text is wrong"), (None, "a does not exist")]
)
def test_a_mistake_ends_in_a_sentence(text: str | None, said: str, tmp_path: Path, monkeypatch) -> None:
    if text:
        (tmp_path / "a").write_text(text)
    with pytest.raises(SystemExit) as ended:
        run_copy(monkeypatch, tmp_path / "a", tmp_path / "b")
    assert said in str(ended.value)
    assert "\n" not in str(ended.value)
    assert not (tmp_path / ".b.sha256").exists()


def test_a_fault_of_ours_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("bug")
    with pytest.raises(KeyError):
        run_copy(monkeypatch, tmp_path / "a", tmp_path / "b")
