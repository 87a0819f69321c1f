"""The page on data of one's own: its settings are read with files that are laid out as it says."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY, read_blocks
from PIL import Image
from snakemake.utils import update_config

from fetch_dataset import fetch_dataset
from import_activations import import_activations
from layeraudit.configuration import check
from layeraudit.datasets import Images
from layeraudit.experiments import AUTO, list_audits
from layeraudit.files import open_layers, read_dataset, write_split
from layeraudit.plugins import read_constants
from layeraudit.splits import take_clean

PAGE = "docs/own-data.md"
BLOCKS = [yaml.safe_load(block) for block in read_blocks(PAGE, "yaml")]
BY_NAME = {name: (block, settings) for block in BLOCKS for name, settings in block["datasets"].items()}


def encode(grey: int, form: str = "jpeg") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (grey, grey, grey)).save(file, form)
    return file.getvalue()


def lay_out_pets() -> None:
    files = ("cat/1.jpg", "cat/2.jpg", "cat/more/3.jpg", "dog/1.jpg")
    for grey, name in enumerate(f"pets/{part}/{file}" for part in ("train", "val") for file in files):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(encode(10 * grey))


def lay_out_camera() -> None:
    for grey, name in enumerate(("monday/2.jpg", "monday/1.jpg", "3.png")):
        Path("camera", name).parent.mkdir(parents=True, exist_ok=True)
        Path("camera", name).write_bytes(encode(10 * grey))


def lay_out_listed() -> None:
    Path("photos/a").mkdir(parents=True)
    names = [f"a/{number:03}.jpg" for number in range(10)]
    for grey, name in enumerate(names):
        Path("photos", name).write_bytes(encode(10 * grey))
    pd.DataFrame({"file": names, "species": ["cat", "dog"] * 5}).to_csv("photos.csv", index=False)


def lay_out_held() -> None:
    for part in ("train", "test"):
        cells = [{"bytes": encode(10 * number, "png"), "path": None} for number in range(4)]
        pd.DataFrame({"image": cells, "label": [0, 1, 2, 1]}).to_parquet(f"{part}.parquet")


def lay_out_stacked() -> None:
    generator = np.random.default_rng(0)
    np.savez("images.npz", x=generator.random((20, 8, 8, 3)), y=np.arange(20) % 3, ids=np.arange(100, 120))


def lay_out_rows() -> None:
    folder = Path("rows")
    folder.mkdir()
    np.save(folder / "labels.npy", np.array([*"abc"] * 10))
    np.save(folder / "block1.npy", np.random.default_rng(0).random((30, 4, 3, 3), np.float32))
    np.save(folder / "block2.npy", np.random.default_rng(1).random((30, 5)).astype(np.float16))
    np.save(folder / "logits.npy", np.zeros((30, 3)))
    (folder / "ids.txt").write_text("".join(f"text {row}\n" for row in range(30)))
    (folder / "layers.txt").write_text("block2\nblock1\n")


class Case(NamedTuple):
    """What a data set of the page becomes."""

    lay_out: Callable[[], None]
    shape: tuple[int, ...]
    n_train: int
    classes: tuple[str, ...]
    first_id: str


CASES = {
    "pets": Case(lay_out_pets, (8, 3, 32, 32), 4, ("cat", "dog"), r"train/cat/1\.jpg"),
    "camera": Case(lay_out_camera, (3, 3, 32, 32), 3, ("unlabelled",), r"3\.png"),
    "listed": Case(lay_out_listed, (10, 3, 32, 32), 8, ("dog", "cat"), r"a/00\d\.jpg"),
    "held": Case(lay_out_held, (8, 3, 32, 32), 4, ("0", "1", "2"), r"train\.parquet:0"),
    "stacked": Case(lay_out_stacked, (20, 3, 8, 8), 17, ("0", "1", "2"), r"1\d\d"),
    "rows": Case(lay_out_rows, (30, 0, 0, 0), 24, ("a", "b", "c"), r"text \d+"),
}


def configure(block: dict[str, Any]) -> dict[str, Any]:
    """Return the default configuration with a block laid over it, with which nothing is wrong."""
    configuration: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    update_config(configuration, block)
    schema = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())
    problems = check(configuration, schema)
    assert not {*configuration["audits"]} & {*problems}
    return configuration


def read_case(name: str) -> Images:
    CASES[name].lay_out()
    block, settings = BY_NAME[name]
    configuration = configure(block)
    fetch_dataset(output=Path("out.npz"), settings=configuration["datasets"][name])
    assert configuration["datasets"][name] == settings
    return read_dataset(Path("out.npz"))


def test_every_way_in_has_a_block_that_is_tried() -> None:
    assert BY_NAME.keys() == CASES.keys()
    assert {settings["method"] for _, settings in BY_NAME.values()} == {
        "image_folder",
        "unlabelled_folder",
        "table",
        "arrays",
        "activations",
    }


@pytest.mark.parametrize("name", CASES)
def test_the_settings_of_the_page_read_what_is_laid_out_as_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = read_case(name)
    case = CASES[name]
    assert (images.x.shape, images.n_train, images.classes) == (case.shape, case.n_train, case.classes)
    assert re.fullmatch(case.first_id, images.ids[0])


def test_the_audit_of_the_page_takes_all_layers_and_pools_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = read_case("rows")
    block, settings = BY_NAME["rows"]
    (audit,) = list_audits(configure(block)).values()
    assert block["audits"]["quick"]["layers"] == AUTO
    rows = np.array([2, 0, 29])
    write_split(Path("split.npz"), take_clean(images.x, images.y, rows, 3))
    import_activations(
        split=Path("split.npz"),
        dataset=Path("out.npz"),
        layers=Path("layers"),
        logits=Path("logits.npy"),
        settings=settings,
        names=audit["layers"],
        pooling=audit["pooling"],  # type: ignore[arg-type]
    )
    layers = open_layers(Path("layers"), np.float32, rows=3)
    assert {name: matrix.shape[1] for name, matrix in layers.items()} == {"block2": 5, "block1": 4}
    own = [int(name.split()[1]) for name in images.ids[rows]]
    expected = np.load("rows/block1.npy")[own].mean(axis=(2, 3))
    np.testing.assert_allclose(layers["block1"], expected, rtol=1e-6)


def test_the_page_names_every_option_and_every_ending() -> None:
    page = (REPOSITORY / PAGE).read_text()
    for _, settings in BY_NAME.values():
        options = read_constants("datasets", settings["method"])["OPTIONS"]
        assert settings.keys() == {"method", *options}
    for ending in ("bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"):
        assert f"`.{ending}`" in page


def test_sentences_of_the_page_are_short() -> None:
    """Code and tables are left out, in which a cell is no sentence."""
    page = re.sub(r"^```.*?^```$", "", (REPOSITORY / PAGE).read_text(), flags=re.MULTILINE | re.DOTALL)
    prose = "\n".join(line for line in page.splitlines() if not line.startswith(("|", "#")))
    for sentence in re.split(r"[.:;?]\s+|\n\s*\n|\n- ", prose):
        assert len(sentence.split()) < 25, sentence
