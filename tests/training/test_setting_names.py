"""Names of other libraries are answered by what they mean here."""

import pytest

from imagelet.errors import UnknownNameError
from imagelet.training.recipe import Recipe, setting_fields, with_settings
from imagelet.training.setting_names import ELSEWHERE, OTHER_NAMES, SHORT

FIELDS = {field.name for field in setting_fields()}


def test_every_name_leads_to_a_field_and_is_none_itself() -> None:
    assert set(OTHER_NAMES.values()) | set(SHORT.values()) <= FIELDS
    assert not (set(OTHER_NAMES) | set(ELSEWHERE) | set(SHORT)) & FIELDS
    assert not set(OTHER_NAMES) & set(ELSEWHERE)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("patience", "early_stopping"),
        ("max_lr", "learning_rate"),
        ("zoom", "scaling"),
        ("L2", "weight_decay"),
    ],
)
def test_a_name_is_answered_by_its_meaning_not_by_its_spelling(name: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=f"unknown recipe field '{name}'; did you mean '{meant}'"):
        with_settings(Recipe(), {name: 1})


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("callbacks", "imagelet.run_experiment"),
        ("pretrained", "--from"),
        ("dropout", r"dropout\(0.3\)"),
        ("validation-split", "--validation"),
    ],
)
def test_what_is_no_setting_here_is_said_to_be_elsewhere(name: str, where: str) -> None:
    with pytest.raises(UnknownNameError, match=f"there is no recipe field '{name}' .*{where}"):
        with_settings(Recipe(), {name: 1})
