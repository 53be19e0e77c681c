"""HDF5 files of strangers: texts without end are found before the library walks through them."""

import io
from pathlib import Path

import h5py
import pytest

from imagelet.data.hdf5 import HEAP, HEAP_HEAD, check_heaps


def with_text(text: str = "x" * 3000) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["text"] = text
    return content.getvalue()


def test_sound_texts_pass(tmp_path: Path) -> None:
    content = with_text()
    assert HEAP in content
    check_heaps(content)
    (tmp_path / "a.h5").write_bytes(content)
    check_heaps(tmp_path / "a.h5")


@pytest.mark.parametrize("damage", [bytes(16), b"\x01" + bytes(7) + b"\xff" * 8, bytes(8) + b"\xff" * 8])
def test_a_text_without_a_size_is_refused(damage: bytes) -> None:
    content = bytearray(with_text())
    place = content.find(HEAP) + HEAP_HEAD
    content[place : place + 16] = damage
    with pytest.raises(ValueError, match="damaged heap"):
        check_heaps(bytes(content))


def test_other_widths_are_refused() -> None:
    content = bytearray(with_text())
    content[13] = 4
    with pytest.raises(ValueError, match="of a version that is not read"):
        check_heaps(bytes(content))
