"""What a file is, by its first bytes: files as the programs that own the formats write them."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagelet.preprocessing.file_kind import HEAD, describe_kinds, kind_of, kind_of_file, left_out
from imagelet.preprocessing.picture import FORMATS
from imagelet.preprocessing.picture_files import PictureFile

CRC32C = [0] * 256  # RFC 3720, appendix B.4
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = _value >> 1 ^ 0x82F63B78 * (_value & 1)
    CRC32C[_byte] = _value


def crc32c(content: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in content:
        value = value >> 8 ^ CRC32C[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def tfrecord(content: bytes) -> bytes:
    """Return a record as https://www.tensorflow.org/tutorials/load_data/tfrecord describes it."""

    def masked(part: bytes) -> bytes:
        value = crc32c(part)
        return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(content))
    return length + masked(length) + content + masked(content)


def picture(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 10, 30)).save(file, form)
    return file.getvalue()


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return file.getvalue()


def packed_as_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("cats"))
    return file.getvalue()


def saved_by_torch() -> bytes:
    file = io.BytesIO()
    torch.save({"x": torch.zeros(3)}, file)
    return file.getvalue()


def saved_by_numpy() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    return file.getvalue()


def database(folder: Path) -> bytes:
    connection = sqlite3.connect(folder / "x.db")
    connection.execute("create table x (y)")
    connection.close()
    return (folder / "x.db").read_bytes()


COCO = {"info": {}, "licenses": [], "images": [{"file_name": "1.jpg"}], "annotations": [], "categories": []}
VOC = "<annotation><object><name>dog</name><bndbox><xmin>1</xmin></bndbox></object></annotation>"
SAVED = safetensors.numpy.save({"x": np.zeros(3)})
FILES = {
    "HTML page": b"\n<!DOCTYPE html>\n<html lang='en'>Not found</html>",
    "SVG drawing": b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>",
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "git-annex pointer": b"/annex/objects/SHA256E-s31390--f50d.png\n",
    "HEIC picture": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "video": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
    "JPEG 2000 picture": picture("JPEG2000"),
    "AVIF picture": picture("AVIF"),
    "icon": picture("ICO"),
    "PDF document": picture("PDF"),
    "DICOM picture": bytes(128) + b"DICM\2\0\0\0UL",
    "Python pickle, which could run code when it is opened": pickle.dumps({"x": [1, 2]}),
    "file of PyTorch": saved_by_torch(),
    "NumPy archive": saved_by_numpy(),
    "Keras model, which holds no images": zipped("metadata.json", "config.json", "model.weights.h5"),
    "spreadsheet or other office file": zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"),
    "zip archive": zipped("cats/1.png"),
    "tar archive": packed_as_tar(),
    "file packed by gzip": gzip.compress(b"x"),
    "file packed by bzip2": bz2.compress(b"x"),
    "file packed by xz": lzma.compress(b"x"),
    "RAR archive": b"Rar!\x1a\x07\x01\0",
    "7z archive": b"7z\xbc\xaf\x27\x1c\0\4",
    "HDF5 file": b"\x89HDF\r\n\x1a\n\0\0\0\0",
    "TFRecord file": tfrecord(b"\x0a\x10an example"),
    "LMDB database": bytes(8) + b"\0\0\x08\0\0\0\0\0" + struct.pack("<II", 0xBEEFC0DE, 1),
    "Parquet file": b"PAR1\x15\x04",
    "Arrow or Feather file": b"ARROW1\0\0",
    "safetensors file, which holds a classifier or other arrays, no images with labels": SAVED,
    "IDX file": b"\0\0\x08\3\0\0\0\x01",
    "list of objects and their boxes, as COCO's": json.dumps(COCO, indent=1).encode(),
    "list of objects and their boxes, as Pascal VOC's": VOC.encode(),
    "JSON file": b'[{"name": "1.png", "class": "cat"}]',
    "XML file": b"<?xml version='1.0'?><names/>",
    "text": "고양이 1.png\n".encode(),
    "file of 0 bytes": b"",
    "file that begins with zeros alone": bytes(HEAD),
}


@pytest.mark.parametrize(("name", "content"), FILES.items(), ids=list(FILES))
def test_a_file_is_what_its_first_bytes_say(name: str, content: bytes) -> None:
    kind = kind_of(content[:HEAD])
    assert kind is not None
    assert (kind.name, kind.is_picture) == (name, False)


def test_a_database_is_told(tmp_path: Path) -> None:
    kind = kind_of(database(tmp_path)[:HEAD])
    assert kind is not None
    assert kind.looks == "looks like an SQLite database"


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_that_is_read_is_one(form: str) -> None:
    kind = kind_of(picture(form)[:HEAD])
    assert kind is not None
    assert kind.is_picture
    assert kind.name.upper().startswith("NETPBM" if form == "PPM" else form)


def test_a_letter_that_is_cut_in_two_is_still_text() -> None:
    content = ("가" * HEAD).encode()[:HEAD]
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    assert kind_of(content) == kind_of(b"words")


def test_noise_is_of_no_kind() -> None:
    assert kind_of(b"\x01\xfe" + np.random.default_rng(0).bytes(HEAD - 2)) is None


@given(st.binary(max_size=600))
def test_no_bytes_are_an_error(content: bytes) -> None:
    kind_of(content)


def test_the_checksum_of_a_record_is_that_of_its_specification() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720
    damaged = bytearray(tfrecord(b"x"))
    damaged[9] ^= 1
    assert kind_of(bytes(damaged)) != kind_of(tfrecord(b"x"))


def test_what_is_no_file_is_of_no_kind(tmp_path: Path) -> None:
    assert kind_of_file(tmp_path) is None
    assert kind_of_file(tmp_path / "gone") is None


def test_files_are_counted_by_end_and_kind(tmp_path: Path) -> None:
    for name, content in {
        "a.heic": FILES["HEIC picture"],
        "b.HEIC": FILES["HEIC picture"],
        "notes.txt": b"words",
        "c": picture("PNG"),
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "Thumbs.db").write_bytes(b"Windows's own")
    files = [PictureFile(path) for path in sorted(tmp_path.iterdir())]
    assert describe_kinds(files[1:]) == (
        ".heic (2, HEIC picture: save it as PNG or JPEG), .txt (1, text), "
        "c (1, PNG picture: let its name end in .png, .jpg, .webp, .bmp, .gif, .tif or .ppm)"
    )
    assert str(left_out(files)).startswith("4 files are not read as pictures and left out: .heic")
    assert left_out([]) is None
