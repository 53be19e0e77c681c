import hashlib
import os

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelet.errors import CheckpointError
from imagelet.training.checkpoint import (
    Checkpoint,
    read_checkpoint,
    remove_checkpoints,
    restore_newest,
    save_checkpoint,
    saved_checkpoints,
)


def as_it_is(checkpoint: Checkpoint) -> Checkpoint:
    return checkpoint


def numbered(number: int) -> Checkpoint:
    return Checkpoint({"a": torch.full((3, 2), float(number))}, {"number": number, "nested": [{"x": None}]})


def test_what_is_saved_is_what_is_loaded(tmp_path):
    image = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    tensors = {"image": image, "count": torch.tensor(7), "sum": torch.tensor(0.1, dtype=torch.float64)}
    save_checkpoint(tmp_path / "new", 12, Checkpoint(tensors, {"loss": 0.1}))
    loaded, warnings = restore_newest(tmp_path / "new", as_it_is)
    assert not warnings
    assert loaded.facts == {"loss": 0.1}
    for name, tensor in tensors.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        assert torch.equal(loaded.tensors[name], tensor)


def test_the_last_two_are_kept(tmp_path):
    for number in (1, 5, 20, 100):
        save_checkpoint(tmp_path, number, numbered(number))
    assert [read_checkpoint(path).facts["number"] for path in saved_checkpoints(tmp_path)] == [20, 100]


def test_a_damaged_one_falls_back_to_the_one_before_with_a_warning(tmp_path):
    save_checkpoint(tmp_path, 1, numbered(1))
    last = save_checkpoint(tmp_path, 2, numbered(2))
    last.write_bytes(last.read_bytes()[:-7])
    loaded, warnings = restore_newest(tmp_path, as_it_is)
    assert loaded.facts["number"] == 1
    assert len(warnings) == 1
    assert last.name in warnings[0]


@pytest.mark.parametrize("kind", ["folder", "circle", "pipe", "hashed nonsense", "hashed tensors only"])
def test_what_is_no_checkpoint_falls_back_and_is_in_nobodys_way(tmp_path, kind):
    save_checkpoint(tmp_path, 1, numbered(1))
    last = save_checkpoint(tmp_path, 2, numbered(2))
    last.unlink()
    match kind:
        case "folder":
            (last / "inside").mkdir(parents=True)
        case "circle":
            last.symlink_to(last.name)
        case "pipe":
            os.mkfifo(last)
        case "hashed nonsense":
            write_hashed(last, bytes(100))
        case "hashed tensors only":
            write_hashed(last, safetensors.torch.save({"a": torch.zeros(3)}))
    loaded, warnings = restore_newest(tmp_path, as_it_is)
    assert loaded.facts["number"] == 1
    assert len(warnings) == 1
    assert not os.path.lexists(last)
    for number in (2, 3):
        save_checkpoint(tmp_path, number, numbered(number))
    assert [read_checkpoint(path).facts["number"] for path in saved_checkpoints(tmp_path)] == [2, 3]


def write_hashed(path, body):
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def test_a_checkpoint_that_does_not_fit_falls_back(tmp_path):
    def only_the_first(checkpoint):
        if checkpoint.facts["number"] != 1:
            raise CheckpointError("it is of another training")
        return checkpoint

    for number in (1, 2):
        save_checkpoint(tmp_path, number, numbered(number))
    loaded, warnings = restore_newest(tmp_path, only_the_first)
    assert loaded.facts["number"] == 1
    assert warnings == ["it is of another training; resuming from the checkpoint before it"]


def test_all_damaged_is_an_error_and_none_at_all_is_a_new_beginning(tmp_path):
    assert restore_newest(tmp_path / "none", as_it_is) == (None, [])
    for number in (1, 2):
        save_checkpoint(tmp_path, number, numbered(number)).write_bytes(b"")
    with pytest.raises(CheckpointError, match="all 2 checkpoints"):
        restore_newest(tmp_path, as_it_is)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_or_lost_tail_is_noticed(tmp_path, data):
    path = save_checkpoint(tmp_path, 1, numbered(1))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    if place == 64:  # the line feed between hash and content says nothing
        return
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_what_a_killed_save_leaves_is_passed_over(tmp_path):
    save_checkpoint(tmp_path, 1, numbered(1))
    (tmp_path / ".000000002.checkpoint.abc.part").write_bytes(b"half")
    assert restore_newest(tmp_path, as_it_is)[0].facts["number"] == 1
    remove_checkpoints(tmp_path)
    assert not tmp_path.exists()
    remove_checkpoints(tmp_path)
