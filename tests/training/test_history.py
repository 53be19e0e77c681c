import math
import sys

import pytest

from imagelet.errors import UsageError
from imagelet.training.history import EpochFigures, as_columns, as_frame

HISTORY = [
    EpochFigures(1, 0.5, 0.8, 0.4, 0.85, 0.001),
    EpochFigures(2, 0.1 + 0.2, 0.9, None, None, 0.0005),
]


def test_columns_are_named_as_keras_names_them():
    columns = as_columns(HISTORY)
    assert columns["loss"] == [0.5, 0.1 + 0.2]
    assert columns["val_accuracy"] == [0.85]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(columns)


def test_balanced_accuracies_stand_only_where_they_were_measured():
    assert "val_balanced_accuracy" not in as_columns(HISTORY)
    assert "val_balanced_accuracy" not in HISTORY[0].to_json()
    measured = EpochFigures(1, 0.5, 0.8, 0.4, 0.85, 0.001, 0.7)
    assert as_columns([measured])["val_balanced_accuracy"] == [0.7]
    assert EpochFigures(**measured.to_json()) == measured


def test_a_frame_has_a_row_an_epoch_and_nan_for_what_was_not_measured():
    pytest.importorskip("pandas")
    frame = as_frame(HISTORY)
    assert list(frame.index) == [1, 2]
    assert frame.loc[1, "val_accuracy"] == 0.85
    assert math.isnan(frame.loc[2, "val_loss"])
    assert set(map(str, frame.dtypes)) == {"float64"}


def test_without_pandas_there_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        as_frame(HISTORY)
