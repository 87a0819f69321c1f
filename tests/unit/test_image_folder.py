"""Pictures of a user's own: what becomes of their pixels, which are held out, and what cannot be read."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from layeraudit.datasets import Images
from layeraudit.datasets.image_folder import read, read_picture
from layeraudit.errors import InputError

GREY, RED, CLEAR_RED = (128, 128, 128), (255, 0, 0), (255, 0, 0, 0)
OPTIONS: dict[str, Any] = {"channels": 1, "size": [1, 1], "held_out": 0.2}


def save(folder: Path, *, seed: int = 0, **counts: int) -> Path:
    """Save pictures of one pixel; in a class of n they are numbered, and picture i has the grey i."""
    for name, n in counts.items():
        (folder / name).mkdir(parents=True)
        order = list(range(n))
        random.Random(seed).shuffle(order)  # in which a file system may list them
        for number in order:
            Image.new("L", (1, 1), number).save(folder / name / f"{number:03}.png")
    return folder


def read_folder(folder: Path, **options: Any) -> Images:
    return read(folder, folder=str(folder), **OPTIONS | options)


def read_saved(folder: Path, picture: Image.Image, *, channels: int = 3, **options: Any) -> NDArray[np.uint8]:
    """Save a picture and read it at its own size; return its pixels, [height, width] or with colours last."""
    path = folder / f"picture.{options.pop('format', 'png')}"
    picture.save(path, **options)
    pixels = read_picture(path, channels, (picture.height, picture.width))
    return np.squeeze(pixels.transpose(1, 2, 0))


def test_classes_and_pictures_stand_in_the_order_of_their_names_the_training_part_first(
    tmp_path: Path,
) -> None:
    images = read_folder(save(tmp_path, seal=5, newt=10, Owl=15))
    assert images.classes == ("Owl", "newt", "seal")
    assert images.x.shape == (30, 1, 1, 1)
    assert images.n_train == 24
    assert np.bincount(images.y[:24]).tolist() == [12, 8, 4]
    assert np.bincount(images.y[24:]).tolist() == [3, 2, 1]
    for part in (slice(0, 24), slice(24, 30)):
        rows = list(zip(images.y[part].tolist(), images.x[part].ravel().tolist(), strict=True))
        assert rows == sorted(set(rows))


def test_what_is_held_out_is_drawn_at_random_and_the_same_every_time(tmp_path: Path) -> None:
    first = read_folder(save(tmp_path / "first", a=50, b=50))
    again = read_folder(save(tmp_path / "again", seed=1, a=50, b=50))
    for name, value in vars(first).items():
        assert np.array_equal(value, getattr(again, name)), name
    held_out = first.x[first.n_train :].ravel().tolist()
    assert held_out[:10] != held_out[10:]
    assert {row // 25 for row in held_out} == {0, 1}


@pytest.mark.parametrize(
    ("n", "held_out", "expected"), [(2, 0.01, 1), (2, 0.99, 1), (10, 0.001, 1), (10, 0.25, 2), (10, 0.999, 9)]
)
def test_a_class_has_a_picture_in_both_parts(n: int, held_out: float, expected: int, tmp_path: Path) -> None:
    images = read_folder(save(tmp_path, a=n, b=n), held_out=held_out)
    assert len(images.y) - images.n_train == 2 * expected


def test_hidden_files_and_those_that_are_no_pictures_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, a=3, b=3)
    save(tmp_path / ".thumbnails", c=1)
    (tmp_path / "licence.txt").write_text("")
    for name in (".DS_Store", "._000.png", "labels.csv", "notes"):
        (tmp_path / "a" / name).write_text("")
    (tmp_path / "b" / "000.png").rename(tmp_path / "b" / "000.PNG")
    images = read_folder(tmp_path)
    assert (images.classes, np.bincount(images.y).tolist()) == (("a", "b"), [3, 3])
    left_out = f"left out of {tmp_path / 'a'}, since its ending is none of a picture: labels.csv, notes\n"
    assert capsys.readouterr().out == left_out


@pytest.mark.parametrize(
    ("picture", "colour"),
    [
        (Image.new("RGB", (2, 3), (1, 2, 3)), (1, 2, 3)),
        (Image.new("L", (2, 3), 77), (77, 77, 77)),
        (Image.new("1", (2, 3), 1), (255, 255, 255)),
        (Image.new("1", (2, 3), 0), (0, 0, 0)),
        (Image.new("RGB", (2, 3), RED).quantize(4), RED),
        (Image.new("RGBA", (2, 3), (*RED, 255)), RED),
        (Image.new("RGBA", (2, 3), CLEAR_RED), (255, 255, 255)),
        (Image.new("RGBA", (2, 3), (0, 0, 0, 51)), (204, 204, 204)),
        (Image.new("LA", (2, 3), (0, 0)), (255, 255, 255)),
        (Image.fromarray(np.full((3, 2), 0x81FF, np.uint16)), (0x81, 0x81, 0x81)),
        (Image.fromarray(np.full((3, 2), 0xFFFF, np.uint16)), (255, 255, 255)),
    ],
    ids=["RGB", "L", "white", "black", "P", "RGBA", "clear", "a fifth", "LA", "16 bits", "white of 16 bits"],
)
def test_a_picture_of_any_mode_is_read_as_a_viewer_shows_it(
    picture: Image.Image, colour: tuple[int, ...], tmp_path: Path
) -> None:
    pixels = read_saved(tmp_path, picture)
    assert pixels.shape == (3, 2, 3)
    assert (pixels == colour).all()
    grey = read_saved(tmp_path, picture, channels=1)
    assert (grey == np.asarray(Image.new("RGB", (2, 3), colour).convert("L"))).all()


def test_a_palette_may_have_a_clear_colour(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([*RED, *GREY])
    picture.putpixel((1, 0), 1)
    assert read_saved(tmp_path, picture, transparency=0).tolist() == [[255, 255, 255], list(GREY)]


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        *[(ending, {"quality": 100}) for ending in ("jpg", "jpeg")],
        *[(ending, {}) for ending in ("bmp", "gif", "tiff")],
        ("tif", {"compression": "tiff_lzw"}),
        ("webp", {"lossless": True}),
    ],
)
def test_a_picture_of_any_form_is_read(ending: str, options: dict[str, Any], tmp_path: Path) -> None:
    grey = Image.fromarray(np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6))
    pixels = read_saved(tmp_path, grey, channels=1, format=ending, **options)
    assert np.abs(pixels.astype(int) - np.asarray(grey)).max() <= (1 if ending.startswith("jp") else 0)


TURNED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: np.rot90(upright, -1),
}
"""For each value of EXIF's orientation, how a camera stores a picture."""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_a_picture_is_turned_upright(orientation: int, ending: str, tmp_path: Path) -> None:
    upright = np.repeat(np.repeat(np.array([[0, 100, 200], [50, 150, 250]], np.uint8), 8, 0), 8, 1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpg": {"quality": 100}, "webp": {"lossless": True}}.get(ending, {})
    path = tmp_path / f"picture.{ending}"
    Image.fromarray(np.ascontiguousarray(TURNED[orientation](upright))).save(path, exif=exif, **options)
    pixels = read_picture(path, 1, (16, 24))[0]
    assert np.abs(pixels.astype(int) - upright).max() <= 2


def test_a_picture_is_brought_to_height_and_width_by_means_of_its_pixels(tmp_path: Path) -> None:
    halves = np.zeros((8, 20), np.uint8)
    halves[:, 10:] = 200
    path = tmp_path / "picture.png"
    Image.fromarray(halves).save(path)
    pixels = read_picture(path, 1, (4, 2))
    assert pixels.shape == (1, 4, 2)
    assert pixels[0].tolist() == [[pytest.approx(25, abs=12), pytest.approx(175, abs=12)]] * 4
    assert read_picture(path, 3, (16, 40)).shape == (3, 16, 40)


def test_of_an_animation_the_first_picture_is_read(tmp_path: Path) -> None:
    first, second = Image.new("L", (2, 2), 10), Image.new("L", (2, 2), 200)
    assert (read_saved(tmp_path, first, channels=1, format="gif", append_images=[second]) == 10).all()


def encode(ending: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    file = io.BytesIO()
    form = {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending)
    Image.fromarray(noise).save(file, form, **({"compression": "tiff_lzw"} if ending == "tif" else {}))
    return file.getvalue()


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif", "bmp", "webp"])
@pytest.mark.filterwarnings("ignore")  # Pillow's own, of damaged files
def test_a_file_that_is_cut_is_one_sentence_that_names_it(ending: str, tmp_path: Path) -> None:
    whole, path = encode(ending), tmp_path / f"picture.{ending}"
    for size in [0, 1, 10, 30, 60, len(whole) // 3, len(whole) // 2, len(whole) - 40]:
        path.write_bytes(whole[:size])
        with pytest.raises(InputError) as caught:
            read_picture(path, 3, (20, 20))
        assert str(caught.value).startswith(f"{path} is no whole picture: ")
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif", "bmp", "webp"])
@pytest.mark.filterwarnings("ignore")
def test_whatever_a_file_holds_it_is_read_or_is_one_sentence(ending: str, tmp_path: Path) -> None:
    whole, path, generator = encode(ending), tmp_path / f"picture.{ending}", random.Random(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(generator.randint(1, 8)):
            damaged[generator.randrange(min(len(damaged), 200))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            assert read_picture(path, 3, (4, 4)).shape == (3, 4, 4)
        except InputError as error:
            assert str(error).startswith(str(path))
            assert str(error).isprintable()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_that_have_no_white_are_one_sentence(dtype: type, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2), dtype)).save(tmp_path / "picture.tif")
    with pytest.raises(InputError, match="picture.tif has pixels of 32 bits, allowed are up to 16$"):
        read_picture(tmp_path / "picture.tif", 1, (2, 2))


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({}, "{folder} has 0 class folders, allowed are two or more"),
        ({"a": 3}, "{folder} has 1 class folders, allowed are two or more"),
        ({"a": 3, "b": 0}, "{folder}/b has 0 pictures, allowed are two or more"),
        ({"a": 1, "b": 3}, "{folder}/a has 1 pictures, allowed are two or more"),
    ],
)
def test_too_few_pictures_are_one_sentence(counts: dict[str, int], sentence: str, tmp_path: Path) -> None:
    save(tmp_path, **counts)
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    assert str(caught.value) == sentence.format(folder=tmp_path)


def test_a_folder_that_is_none_or_may_not_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="nowhere cannot be read: No such file or directory$"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file cannot be read: Not a directory$"):
        read_folder(tmp_path / "file")
    save(tmp_path / "mine", a=2, b=2)
    (tmp_path / "mine" / "a" / "lost.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(InputError, match=r"lost.png is no whole picture: .*No such file"):
        read_folder(tmp_path / "mine")

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read everything
    with pytest.raises(InputError, match="mine cannot be read: Permission denied$"):
        read_folder(tmp_path / "mine")
