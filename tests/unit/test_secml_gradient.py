"""Poison made by secml from small images of a 3 (bright on the left) and a 7 (bright on the right)."""

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from layeraudit.cli import write_files, write_settings
from layeraudit.files import read_split, write_split
from layeraudit.splits import Split

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_poison.py"
OPTIONS = {
    "pairs": None,
    "points": 8,
    "train": None,
    "validation": None,
    "radius": 0.3,
    "regularization": 10,
    "eta": 0.25,
    "eta_min": 2,
    "eta_max": None,
    "max_iterations": 100,
    "tolerance": 1e-6,
}
NO_OPTIONS_OF_AN_ATTACK = ("pairs", "train", "validation")


def images(*digits, seed, first_row):
    y = np.array(digits)
    x = np.random.default_rng(seed).uniform(0, 0.5, size=(len(y), 1, 8, 8))
    x[y == 3, :, :, :4] += 0.1
    x[y == 7, :, :, 4:] += 0.1
    x[:, :, 0] = 0
    x[:, :, 7] = 1
    rows = np.arange(first_row, first_row + len(y))
    return Split(x.astype(np.float32), y, y, np.zeros(len(y), bool), rows)


TRAIN = images(*[3, 7] * 10, seed=0, first_row=500)
VALIDATION = images(*[3, 7] * 40, seed=1, first_row=600)


@pytest.fixture(scope="module")
def generate(environment, tmp_path_factory):
    def run(train=TRAIN, validation=VALIDATION, seed=0, **changes):
        folder = tmp_path_factory.mktemp("poison")
        write_split(folder / "train.npz", train)
        write_split(folder / "validation.npz", validation)
        files = {"sources": "train.npz", "validation": "validation.npz", "test": "validation.npz"}
        files |= {"poison": "out/poison.npz", "probe": "out/probe.npz", "record": "out/poison.csv"}
        arguments = write_files((name, str(folder / path)) for name, path in files.items())
        options = {"method": "secml_gradient"} | OPTIONS | changes
        settings = write_settings({"settings": options, "n_clean": 92, "network": {}, "seed": seed})
        home = folder / "home"
        home.mkdir()
        ended = subprocess.run(
            [environment("secml"), SCRIPT, *arguments, *settings],
            capture_output=True,
            text=True,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        )
        assert not any(home.iterdir())
        return folder / "out", ended

    return run


@pytest.fixture(scope="module")
def poison(generate):
    folder, ended = generate()
    assert ended.returncode == 0, ended.stderr
    with (folder / "poison.csv").open(newline="") as file:
        return read_split(folder / "poison.npz"), list(csv.DictReader(file)), ended, folder


def distances(points, train=TRAIN):
    source = train.x[np.searchsorted(train.source, points.source)]
    return np.linalg.norm((points.x.astype(np.float64) - source).reshape(len(points), -1), axis=1)


def test_sources_are_different_training_images_and_the_label_is_the_other_digit(poison):
    points = poison[0]
    assert len(np.unique(points.source)) == len(points) == 8
    np.testing.assert_array_equal(points.y_true, TRAIN.y[np.searchsorted(TRAIN.source, points.source)])
    np.testing.assert_array_equal(points.y, 10 - points.y_true)
    assert points.is_poison.all()


def test_radius_binds_and_is_never_exceeded(poison):
    moved = distances(poison[0])
    assert (moved <= 0.3).all()
    assert (moved > 0.3 - 1e-5).any()


def test_record_says_what_the_points_are(poison):
    points, record, *_ = poison
    columns = {name: [row[name] for row in record] for name in record[0]}
    assert list(columns) == ["row", "source", "y_true", "y", "distance", "moved"]
    assert columns["row"] == [str(row) for row in range(8)]
    assert columns["source"] == [str(row) for row in points.source]
    assert columns["y_true"] == [str(label) for label in points.y_true]
    assert columns["y"] == [str(label) for label in points.y]
    np.testing.assert_array_equal(np.array(columns["distance"], float), distances(points))


def test_without_pairs_the_seed_is_the_attacks_own(environment, generate, poison):
    attack = (
        "import json, sys, pathlib\n"
        "from layeraudit.files import read_split, write_split\n"
        "from layeraudit.poisons.secml_gradient import poison_svm\n"
        "train, validation, made = map(pathlib.Path, sys.argv[1:4])\n"
        "options = json.loads(sys.argv[4])\n"
        "write_split(made, poison_svm(read_split(train), read_split(validation), seed=0, **options)[0])\n"
    )
    folder = poison[3].parent
    files = [folder / "train.npz", folder / "validation.npz", folder / "made.npz"]
    options = json.dumps({key: value for key, value in OPTIONS.items() if key not in NO_OPTIONS_OF_AN_ATTACK})
    subprocess.run(
        [environment("secml"), "-c", attack, *files, options],
        check=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(SCRIPT.parent)},
    )
    assert (folder / "made.npz").read_bytes() == (folder / "out/poison.npz").read_bytes()


def test_with_radius_0_the_same_images_are_flipped_and_none_moves(generate, poison):
    moved, (folder, ended) = poison[0], generate(radius=0)
    assert ended.returncode == 0, ended.stderr
    flipped = read_split(folder / "poison.npz")
    for name in ("y", "y_true", "is_poison", "source"):
        np.testing.assert_array_equal(getattr(flipped, name), getattr(moved, name))
    np.testing.assert_array_equal(flipped.x, TRAIN.x[np.searchsorted(TRAIN.source, flipped.source)])
    record = (folder / "poison.csv").read_text().splitlines()[1:]
    assert all(row.endswith(",0.0,False") for row in record)


def test_a_point_that_has_not_moved_keeps_only_the_noise(generate):
    folder, _ = generate(max_iterations=1)
    record = (folder / "poison.csv").read_text().splitlines()[1:]
    assert all(row.endswith(",False") for row in record)
    points = read_split(folder / "poison.npz")
    source = TRAIN.x[np.searchsorted(TRAIN.source, points.source)]
    assert 0 < np.abs(points.x - source).max() <= 0.001 + 1e-7


@pytest.mark.parametrize("bound", [0, 1])
def test_pixels_stay_within_0_and_1(generate, bound):
    train, validation = (Split(**{**vars(of), "x": np.abs(bound - of.x)}) for of in (TRAIN, VALIDATION))
    folder, ended = generate(train, validation, radius=5)
    assert ended.returncode == 0, ended.stderr
    points = read_split(folder / "poison.npz")  # which refuses other pixels
    source = train.x[np.searchsorted(train.source, points.source)]
    reached = np.isclose(points.x, bound, rtol=0, atol=1e-6)
    assert (reached & (np.abs(source - bound) > 0.1)).any()  # a pixel is moved as far as it may


def test_the_machine_loses_accuracy(poison, environment):
    folder = poison[3]
    judge = (
        "import sys, numpy, sklearn.svm\n"
        "train, poison, seen = (numpy.load(path) for path in sys.argv[1:])\n"
        "flat = lambda x: x.reshape(len(x), -1)\n"
        "machine = sklearn.svm.SVC(C=10, kernel='linear')\n"
        "for parts in [train], [train, poison]:\n"
        "    machine.fit(*(numpy.concatenate(columns) for columns in "
        "zip(*((flat(part['x']), part['y']) for part in parts))))\n"
        "    print(machine.score(flat(seen['x']), seen['y']))\n"
    )
    files = [folder.parent / "train.npz", folder / "poison.npz", folder.parent / "validation.npz"]
    judged = subprocess.run([environment("secml"), "-c", judge, *files], capture_output=True, text=True)
    clean, poisoned = map(float, judged.stdout.split())
    assert poisoned < clean - 0.05


def test_nothing_but_the_summary_is_printed(poison):
    ended = poison[2]
    assert ended.stderr == ""
    assert ended.stdout == "8 poison points beside 92 clean images; probe: 80\n"


def test_one_seed_gives_the_same_bytes_and_another_seed_other_points(generate, poison):
    folder = poison[3]
    again, _ = generate()
    other, _ = generate(seed=1)
    for name in "poison.npz", "poison.csv":
        assert (again / name).read_bytes() == (folder / name).read_bytes()
        assert (other / name).read_bytes() != (folder / name).read_bytes()


def test_longest_step_is_taken(generate):
    _, ended = generate(eta_max=2)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"points": 21},
            "21 poison points are asked for, allowed are 1 to 20: each has a training image of its own",
        ),
        (
            {"points": 0},
            "0 poison points are asked for, allowed are 1 to 20: each has a training image of its own",
        ),
        ({"radius": -1}, "the radius is -1, allowed are numbers from 0"),
        (
            {"train": images(3, 7, 8, seed=0, first_row=0)},
            "the training images have the labels [3, 7, 8], allowed are exactly two",
        ),
        (
            {"train": images(3, 3, seed=0, first_row=0)},
            "the training images have the labels [3], allowed are exactly two",
        ),
        (
            {"validation": images(3, 3, seed=0, first_row=0)},
            "the validation images have the labels [3], allowed are those of the training images, [3, 7]",
        ),
    ],
)
def test_what_is_not_allowed_ends_in_one_sentence(generate, changes, sentence):
    folder, ended = generate(**changes)
    assert ended.returncode == 1
    assert ended.stderr == f"make_poison.py: {sentence}\n"
    assert not folder.exists()


ATTACK_OF_PAIRS = """
import json, logging, sys
from pathlib import Path
from layeraudit.errors import InputError
from layeraudit.files import read_split, write_split
from layeraudit.poisons import AttackerData
from layeraudit.poisons.secml_gradient import poison

folder = Path(sys.argv[1])
splits = [read_split(folder / f"{name}.npz") for name in ("sources", "validation", "test")]
data = AttackerData(*splits, n_clean=1000, n_classes=10)
for number, options in enumerate(json.loads(sys.argv[2])):
    try:
        found = poison(data, **options)
    except InputError as error:
        print(error)
    else:
        write_split(folder / f"points_{number}.npz", found.points)
        write_split(folder / f"probe_{number}.npz", found.probe)
logging.getLogger("of another").warning("said again")
"""
OF_PAIRS = OPTIONS | {
    "seed": 3,
    "pairs": [[3, 7], [1, 2]],
    "points": 4,
    "train": 20,
    "validation": 40,
    "max_iterations": 3,
}


def of_two_pairs(n, *, seed, first_row):
    """Give images of 1, 2, 3 and 7, the last two with their own bright halves, and some of another digit."""
    split = images(*[1, 3, 2, 7, 5] * n, seed=seed, first_row=first_row)
    x = split.x.copy()
    x[split.y == 1, :, 1:4] += np.float32(0.1)
    x[split.y == 2, :, 4:7] += np.float32(0.1)
    return Split(**{**vars(split), "x": x})


@pytest.fixture(scope="module")
def attack_pairs(environment, tmp_path_factory):
    """Give what attacks with other options have made, of sources, validation and test images beside them."""
    folder = tmp_path_factory.mktemp("pairs")
    splits = {
        "sources": of_two_pairs(15, seed=0, first_row=500),
        "validation": of_two_pairs(40, seed=1, first_row=1000),
        "test": of_two_pairs(10, seed=2, first_row=2000),
    }
    for name, split in splits.items():
        write_split(folder / f"{name}.npz", split)

    def run(*changes):
        options = json.dumps([OF_PAIRS | change for change in changes])
        ended = subprocess.run(
            [environment("secml"), "-c", ATTACK_OF_PAIRS, folder, options],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(SCRIPT.parent)},
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        *sentences, warning = ended.stdout.splitlines()
        assert warning.endswith("said again")  # secml's own are kept from the log, those after it are not
        return folder, sentences

    return splits, run


def test_pairs_are_attacked_each_with_images_and_a_seed_of_its_own(attack_pairs):
    splits, run = attack_pairs
    sources, test = splits["sources"], splits["test"]
    folder, printed = run({}, {}, {"seed": 4}, {"pairs": [[3, 7]]})
    assert not printed
    first, again, other, alone = (read_split(folder / f"points_{number}.npz") for number in range(4))

    assert len(first) == len(np.unique(first.source)) == 8
    assert first.is_poison.all()
    other_of = {3: 7, 7: 3, 1: 2, 2: 1}
    assert first.y.tolist() == [other_of[label] for label in first.y_true.tolist()]
    of_pair = [set(pair) for pair in OF_PAIRS["pairs"] for _ in range(4)]
    assert all(label in pair for label, pair in zip(first.y_true.tolist(), of_pair, strict=True))
    for pair, rows in zip(OF_PAIRS["pairs"], (first.source[:4], first.source[4:]), strict=True):
        first_twenty = sources.source[np.isin(sources.y, pair)][:20]
        assert set(rows.tolist()) <= set(first_twenty.tolist())
    moved = distances(first, sources)
    assert ((0 < moved) & (moved <= 0.3)).all()
    # The same rows of both pairs' training images would be drawn by one seed.
    places = [
        [sources.source[np.isin(sources.y, pair)].tolist().index(row) for row in rows.tolist()]
        for pair, rows in zip(OF_PAIRS["pairs"], (first.source[:4], first.source[4:]), strict=True)
    ]
    assert places[0] != places[1]

    for name in ("x", "y", "y_true", "is_poison", "source"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        np.testing.assert_array_equal(getattr(first, name)[:4], getattr(alone, name))
    assert first.source.tolist() != other.source.tolist()

    probe = read_split(folder / "probe_0.npz")
    shown = np.isin(test.y, [1, 2, 3, 7])
    np.testing.assert_array_equal(probe.x, test.x[shown])
    np.testing.assert_array_equal(probe.source, test.source[shown])
    np.testing.assert_array_equal(probe.y_true, test.y[shown])
    assert probe.y.tolist() == [other_of[label] for label in probe.y_true.tolist()]
    assert not probe.is_poison.any()


def test_pairs_that_cannot_be_attacked_end_in_one_sentence(attack_pairs):
    _, run = attack_pairs
    allowed = "allowed are pairs of the classes 0 to 9, each in one pair at most"
    assert run(
        {"pairs": [[3, 7], [7, 1]]},
        {"pairs": [[3, 10]]},
        {"train": 31},
        {"validation": 81},
        {"points": 21},
    )[1] == [
        f"pairs is [[3, 7], [7, 1]], {allowed}",
        f"pairs is [[3, 10]], {allowed}",
        "train is 31, allowed are up to 30, the images of the classes [3, 7] "
        "among those that the attacker has for it",
        "validation is 81, allowed are up to 80, the images of the classes [3, 7] "
        "among those that the attacker has for it",
        "21 poison points are asked for, allowed are 1 to 20: each has a training image of its own",
    ]
