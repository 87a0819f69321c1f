"""Which experiments and inputs are those of the student report and of the paper."""

from copy import deepcopy
from typing import Any

import pytest
from conftest import DEFAULT

from layeraudit.report.published import PUBLISHED, REPORTED, is_as_reported, list_as_published


def change(**values: Any) -> dict[str, Any]:
    """Change values of the default configuration, each under its keys joined by two underscores."""
    changed: dict[str, Any] = deepcopy(DEFAULT)
    for keys, value in values.items():
        *path, last = keys.split("__")
        within = changed
        for key in path:
            within = within[key]
        assert within.get(last) != value
        within[last] = value
    return changed


OF_TWO = "experiments__two_digits__"


BOTH_ORDERS = {f"{OF_TWO}classes": [9, 1], f"{OF_TWO}attacker__classes": [9, 1]}


OTHERS_THAN_REPORTED: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"experiments__two_digits__train": 500, "experiments__ten_digits__epochs": 1}, set()),
    (BOTH_ORDERS, set()),
    ({"experiments__ten_digits__classes": list(range(10))}, set()),
    ({"experiments__two_digits__classes": [3, 8]}, {"two_digits"}),
    ({"experiments__two_digits__poison": "secml_few"}, {"two_digits"}),
    ({"experiments__two_digits__poison": "secml_flips"}, {"two_digits"}),
    ({"experiments__two_digits__attacker__classes": [3, 8]}, {"two_digits"}),
    ({"experiments__ten_digits__poison": "secml_few"}, {"ten_digits"}),
    ({"experiments__ten_digits__classes": [1, 9]}, {"ten_digits"}),
    ({"experiments__clean__dataset": "fashion_mnist"}, {"clean"}),
    ({"datasets__mnist__method": "fashion_mnist"}, set(REPORTED)),
    ({"poisons__secml__radius": 1.0}, set(REPORTED)),
    ({"poisons__secml__points": 40}, {"two_digits", "ten_digits"}),
    ({"neighbours__k": 50}, set(REPORTED)),
]


@pytest.mark.parametrize(("changes", "others"), OTHERS_THAN_REPORTED)
def test_an_experiment_is_the_reports_by_its_data_poison_and_k(
    changes: dict[str, Any], others: set[str]
) -> None:
    configuration = change(**changes)
    assert {name for name in REPORTED if not is_as_reported(configuration, name)} == others


OF_CLEAN = "experiments__clean__inputs__"


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, set()),
        ({f"{OF_CLEAN}fgsm__images": 60, f"{OF_CLEAN}cw__steps": 3, "experiments__clean__train": 400}, set()),
        ({f"{OF_CLEAN}fgsm__epsilon": 0.1}, {"fgsm"}),
        ({f"{OF_CLEAN}fgsm": {"method": "rotation", "images": 9, "degrees": 1}}, {"fgsm"}),
        ({f"{OF_CLEAN}bim__epsilon": 0.1}, {"bim"}),
        ({f"{OF_CLEAN}bim__steps": 30}, {"bim"}),
        ({f"{OF_CLEAN}bim__step": 0.1}, {"bim"}),
        ({f"{OF_CLEAN}cw__confidence": 1}, {"cw"}),
        ({f"{OF_CLEAN}rotated__degrees": 30}, {"rotated"}),
        ({"experiments__clean__inputs": {}}, {"fgsm", "bim", "cw", "rotated"}),
        ({"experiments__clean__classes": [1, 9]}, set(PUBLISHED)),
        ({"neighbours__k": 10}, set(PUBLISHED)),
    ],
)
def test_an_input_is_the_papers_by_its_settings_the_classes_and_k(
    changes: dict[str, Any], others: set[str]
) -> None:
    assert set(PUBLISHED) - set(list_as_published(change(**changes))) == others
