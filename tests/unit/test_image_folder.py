"""Pictures of a user's own: what becomes of their pixels, which are held out, and what cannot be read."""

import io
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from layeraudit.datasets import Images
from layeraudit.datasets._pictures import read_picture
from layeraudit.datasets.image_folder import read
from layeraudit.datasets.unlabelled_folder import read as read_unlabelled
from layeraudit.errors import InputError
from layeraudit.torchvision_beside_cpu_torch import torchvision

GREY, RED, CLEAR_RED = (128, 128, 128), (255, 0, 0), (255, 0, 0, 0)
OPTIONS: dict[str, Any] = {"held_out": 0.2, "classes": None, "channels": 1, "size": [1, 1]}


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
    return read(folder, **{"train": str(folder)} | OPTIONS | options)


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
    assert capsys.readouterr().out.startswith(left_out)


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
        (Image.new("I;16", (2, 3), 0x81FF), (0x81, 0x81, 0x81)),
        (Image.fromarray(np.full((3, 2), 0x81FF, np.uint16)), (0x81, 0x81, 0x81)),
        (Image.fromarray(np.full((3, 2), 0xFFFF, np.uint16)), (255, 255, 255)),
    ],
    ids=[
        "RGB",
        "L",
        "white",
        "black",
        "P",
        "RGBA",
        "clear",
        "a fifth",
        "LA",
        "I;16",
        "16 bits",
        "white of 16 bits",
    ],
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
        ({"a": 0, "b": 0}, "the training part has no rows, allowed are one or more"),
        ({"a": 1, "b": 1}, "no rows are held out, since no class has two, allowed are one or more"),
    ],
)
def test_too_few_pictures_are_one_sentence(counts: dict[str, int], sentence: str, tmp_path: Path) -> None:
    save(tmp_path, **counts)
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    assert str(caught.value) == sentence.format(folder=tmp_path)


def test_a_class_of_one_picture_or_none_keeps_its_number_and_nothing_of_it_is_held_out(
    tmp_path: Path,
) -> None:
    images = read_folder(save(tmp_path, a=0, b=1, c=10))
    assert images.classes == ("a", "b", "c")
    assert np.bincount(images.y[: images.n_train], minlength=3).tolist() == [0, 1, 8]
    assert np.bincount(images.y[images.n_train :], minlength=3).tolist() == [0, 0, 2]


@pytest.mark.parametrize("lacking", ["train", "test"])
@pytest.mark.parametrize("is_empty", [True, False], ids=["empty", "missing"])
def test_a_class_that_a_part_lacks_shifts_no_label(is_empty: bool, lacking: str, tmp_path: Path) -> None:
    counts = {"a": 2, "b": 3, "c": 4}
    other = counts | {"b": 0} if is_empty else {"a": 2, "c": 4}
    for part in ("train", "test"):
        save(tmp_path / part, **(other if part == lacking else counts))
    options = {"held_out": str(tmp_path / "test"), "classes": ["a", "b", "c"]}
    images = read_folder(tmp_path / "train", **options)
    assert images.classes == ("a", "b", "c")
    for part, rows in (("train", slice(0, images.n_train)), ("test", slice(images.n_train, None))):
        expected = [2, 0, 4] if part == lacking else [2, 3, 4]
        assert np.bincount(images.y[rows], minlength=3).tolist() == expected
    for y, name in zip(images.y, images.ids, strict=True):
        assert name.split("/")[1] == images.classes[y]
    if lacking == "train" and not is_empty:  # then the classes of the training part are others
        with pytest.raises(
            InputError, match="^test/b/000.png has the label 'b', allowed are the classes a, c,"
        ):
            read_folder(tmp_path / "train", **options | {"classes": None})
    else:
        again = read_folder(tmp_path / "train", **options | {"classes": None})
        assert again.y.tolist() == images.y.tolist()


def test_numbered_class_folders_sort_as_text_unless_classes_orders_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, **{str(number): 2 for number in range(12)})
    images = read_folder(tmp_path)
    assert images.classes == ("0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9")
    assert [name.split("/")[0] for name in images.ids] == [images.classes[y] for y in images.y]
    printed = capsys.readouterr().out
    assert "sort as text" in printed
    assert "0, 1, 10, 11, 2," in printed
    ordered = read_folder(tmp_path, classes=[str(number) for number in range(12)])
    assert ordered.classes[10] == "10"
    assert [int(name.split("/")[0]) for name in ordered.ids] == ordered.y.tolist()
    assert "sort as text" not in capsys.readouterr().out


def test_the_classes_are_in_the_order_that_torchvision_has(tmp_path: Path) -> None:
    names = ["9", "10", "b", "B", "_", "a b", "ä", "Ä", "n01", "n1"]
    save(tmp_path, **dict.fromkeys(names, 2))
    assert list(read_folder(tmp_path).classes) == torchvision.datasets.ImageFolder(tmp_path).classes


def test_pictures_are_those_of_all_folders_in_a_class_folder_as_torchvision_has_them(tmp_path: Path) -> None:
    save(tmp_path / "mine", a=2, b=2)
    save(tmp_path / "mine" / "a", deep=2)
    save(tmp_path / "elsewhere", far=2)
    (tmp_path / "mine" / "b" / "link").symlink_to(tmp_path / "elsewhere")
    expected = {
        str(Path(path).relative_to(tmp_path / "mine"))
        for path, _ in torchvision.datasets.ImageFolder(tmp_path / "mine").imgs
    }
    assert {*read_folder(tmp_path / "mine").ids.tolist()} == expected
    assert len(expected) == 8


def test_a_row_is_called_by_its_path_and_by_its_part_where_there_are_two(tmp_path: Path) -> None:
    save(tmp_path / "train", a=3, b=2)
    save(tmp_path / "val", a=1, b=2)
    alone = read_folder(tmp_path / "train")
    assert sorted(alone.ids) == ["a/000.png", "a/001.png", "a/002.png", "b/000.png", "b/001.png"]
    for name, pixels in zip(alone.ids, alone.x.ravel(), strict=True):
        assert int(Path(name).stem) == pixels
    both = read_folder(tmp_path / "train", held_out=str(tmp_path / "val"))
    assert (both.n_train, len(both.y)) == (5, 8)
    assert both.ids.tolist() == [
        *(f"train/{name}" for name in sorted(alone.ids)),
        *(f"val/{name}" for name in ("a/000.png", "b/000.png", "b/001.png")),
    ]


def test_two_parts_of_one_name_are_called_by_the_folders_that_they_lie_in(tmp_path: Path) -> None:
    for part in ("old", "new"):
        save(tmp_path / part / "pictures", a=1, b=1)
    images = read_folder(tmp_path / "old/pictures", held_out=str(tmp_path / "new/pictures"))
    assert images.ids[0] == "old/pictures/a/000.png"
    assert images.ids[-1] == "new/pictures/b/000.png"


@pytest.mark.parametrize("held_out", ["train", "train/a", ".", "link", "link/../train"])
def test_a_held_out_part_within_the_training_part_is_refused(held_out: str, tmp_path: Path) -> None:
    save(tmp_path / "train", a=2, b=2)
    (tmp_path / "link").symlink_to(tmp_path / "train")
    with pytest.raises(
        InputError, match="shares rows with .*train, the training part, allowed is a path beside"
    ):
        read_folder(tmp_path / "train", held_out=str(tmp_path / held_out))


def test_pictures_of_all_modes_in_one_folder_are_read(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((4, 5), 0x80FF, np.uint16))
    cmyk = Image.new("CMYK", (5, 4), (0, 0, 0, 127))
    saved = {
        "l.png": Image.new("L", (5, 4), 128),
        "p.png": Image.new("RGB", (5, 4), GREY).quantize(4),
        "p.gif": Image.new("RGB", (5, 4), GREY).quantize(4),
        "rgba.png": Image.new("RGBA", (5, 4), (*GREY, 255)),
        "cmyk.tif": cmyk,
        "deep.png": deep,
        "deep.tif": deep,
    }
    for of_class in ("a", "b"):
        (tmp_path / of_class).mkdir()
        for name, picture in saved.items():
            picture.save(tmp_path / of_class / name)
        cmyk.save(tmp_path / of_class / "cmyk.jpg", quality=100)
    for channels in (1, 3):
        images = read_folder(tmp_path, channels=channels, size=[4, 5])
        assert images.x.shape == (16, channels, 4, 5)
        assert np.abs(images.x.astype(int) - 128).max() <= 2


def test_a_name_that_is_no_text_is_written_as_one(tmp_path: Path) -> None:
    save(tmp_path, a=2, b=2)
    odd = os.fsencode(tmp_path / "a") + b"/\xff.png"
    (tmp_path / "a" / "000.png").rename(os.fsdecode(odd))
    names = read_folder(tmp_path).ids.tolist()
    assert sorted(names)[1] == "a/\\udcff.png"
    assert all(name.isprintable() for name in names)


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
    with pytest.raises(InputError, match=r"lost.png cannot be read: No such file or directory$"):
        read_folder(tmp_path / "mine")

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read everything
    with pytest.raises(InputError, match="mine cannot be read: Permission denied$"):
        read_folder(tmp_path / "mine")


def test_pictures_without_labels_are_all_of_a_folder_by_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, monday=3)
    Image.new("L", (1, 1), 9).save(tmp_path / "last.png")
    (tmp_path / "notes.txt").write_text("")
    images = read_unlabelled(tmp_path, path=str(tmp_path), channels=1, size=(1, 1))
    assert images.ids.tolist() == ["last.png", "monday/000.png", "monday/001.png", "monday/002.png"]
    assert images.x.ravel().tolist() == [9, 0, 1, 2]
    assert (images.n_train, images.classes, set(images.y.tolist())) == (4, ("unlabelled",), {0})
    assert capsys.readouterr().out.endswith("none of a picture: notes.txt\n")


def test_a_folder_without_pictures_or_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    for path, sentence in (
        (tmp_path, "has no pictures, allowed are"),
        (tmp_path / "a", "cannot be read: No such"),
    ):
        with pytest.raises(InputError, match=f"^{path} {sentence}"):
            read_unlabelled(tmp_path, path=str(path), channels=1, size=(1, 1))
