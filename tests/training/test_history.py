import pytest

from imagelet.errors import RunError
from imagelet.training.history import EpochFigures, as_columns, read_history, write_history

HISTORY = [
    EpochFigures(1, 0.5, 0.8, 0.4, 0.85, 0.001),
    EpochFigures(2, 0.1 + 0.2, 0.9, None, None, 0.0005),
]


def test_the_file_gives_the_same_figures_to_the_last_bit(tmp_path):
    write_history(tmp_path / "history.jsonl", HISTORY)
    assert read_history(tmp_path / "history.jsonl") == HISTORY
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


def test_columns_are_named_as_keras_names_them():
    columns = as_columns(HISTORY)
    assert columns["loss"] == [0.5, 0.1 + 0.2]
    assert columns["val_accuracy"] == [0.85]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(columns)


def test_no_file_is_no_history_and_a_damaged_one_is_an_error(tmp_path):
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    path.write_text('{"epoch": 1}\n')
    with pytest.raises(RunError, match="damaged"):
        read_history(path)
