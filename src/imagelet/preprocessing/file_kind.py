"""What a file is, told by its first bytes, and what to do with one that is not read.

Nothing is decoded, and the name of a file counts for nothing: an HTML page that was saved as ``x.jpg`` is an
HTML page. The bytes are those that the formats' specifications give.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagelet.errors import PictureError
from imagelet.messages import Message, enumerated
from imagelet.preprocessing.picture_files import PICTURE_SUFFIXES, PictureFile, StoredPicture

HEAD = 4096  # bytes that are looked at
MOST_LOOKED_AT = 1000  # files whose first bytes are read, to say what they are
MOST_NAMED = 8  # kinds
SYSTEM_FILES = frozenset({"Thumbs.db", "ehthumbs.db", "desktop.ini"})  # Windows's, in folders of pictures

PNG_OR_JPEG = Message("save it as PNG or JPEG")
FRAMES = Message("save its frames as PNG, in one folder a class")
UNPACK = Message("unpack it, and name the folder")
ARRAYS = Message(
    "load it in Python, if you trust where it is from, and save its arrays: "
    "numpy.savez('data.npz', x_train=images, y_train=labels)"
)
FOLDERS = Message("save its pictures as PNG, in one folder a class")
PARQUET = Message("save it as Parquet, with columns for the picture and its label")
TABLE = Message("save it as CSV in UTF-8, with the columns path and label")
BOXES = Message(
    "imagelet classifies whole pictures: cut the objects out into one folder a class, or write a CSV table "
    "with the columns path and label"
)
AGAIN = Message("a website answered with it in place of the file: download that again")


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: what people call it.
        advice: what to do, so that what it holds can be learned from.
        article: the name's English article; empty where it has none.
        is_picture: whether it is one of the pictures that are read.
    """

    name: Message
    advice: Message
    article: str = "a"
    is_picture: bool = False

    @property
    def is_of_data(self) -> bool:
        """Whether it is no picture, but may hold many, or say what is in them."""
        return self.advice in (ARRAYS, BOXES, FOLDERS, PARQUET, TABLE, UNPACK)

    @property
    def advice_for_picture(self) -> Message:
        """What to do where it was given as one picture."""
        return PNG_OR_JPEG if self.is_of_data else self.advice

    @property
    def looks(self) -> Message:
        """The words that follow the name of a file that is taken for one of this kind."""
        if not self.article:
            return Message("looks like {kind}", kind=self.name)
        if self.article == "an":
            return Message("looks like an {kind}", kind=self.name)
        return Message("looks like a {kind}", kind=self.name)


def _picture(name: Message) -> Kind:
    return Kind(
        name, Message("let its name end in .png, .jpg, .webp, .bmp, .gif, .tif or .ppm"), is_picture=True
    )


HTML = Kind(Message("HTML page"), AGAIN, "an")
SVG = Kind(Message("SVG drawing"), Message("export it as PNG from a browser or a drawing program"), "an")
HEIC = Kind(Message("HEIC picture"), PNG_OR_JPEG)
GIT_LFS = Kind(Message("Git LFS pointer"), Message("fetch the file that it stands for: git lfs pull"))
GIT_ANNEX = Kind(Message("git-annex pointer"), Message("fetch the file that it stands for: git annex get"))
COCO = Kind(Message("list of objects and their boxes, as COCO's"), BOXES)
JSON = Kind(Message("JSON file"), TABLE)
VOC = Kind(Message("list of objects and their boxes, as Pascal VOC's"), BOXES)
XML = Kind(Message("XML file"), TABLE, "an")
TEXT = Kind(Message("text"), TABLE, "")
PICKLE = Kind(Message("Python pickle, which could run code when it is opened"), ARRAYS)
TORCH = Kind(Message("file of PyTorch"), ARRAYS)
KERAS = Kind(Message("Keras model, which holds no images"), Message("name the data that it learned from"))
SPREADSHEET = Kind(Message("spreadsheet or other office file"), TABLE)
TFRECORD = Kind(Message("TFRecord file"), FOLDERS)
LMDB = Kind(Message("LMDB database"), FOLDERS, "an")
VIDEO = Kind(Message("video"), FRAMES)
SOUND = Kind(Message("sound file"), Message("save its spectrograms as PNG, in one folder a class"))
SAFETENSORS = Kind(
    Message("safetensors file, which holds a classifier or other arrays, no images with labels"), ARRAYS
)
EMPTY = Kind(Message("file of 0 bytes"), Message("download or copy it again"))
ZEROS = Kind(Message("file that begins with zeros alone"), Message("download or copy it again"))

_IDX = Kind(
    Message("IDX file"),
    Message("give it a usual name: train-images-idx3-ubyte, train-labels-idx1-ubyte"),
    "an",
)
_STARTS: tuple[tuple[int, bytes, Kind], ...] = (  # place, bytes: the first that fit
    (0, b"\x89PNG\r\n\x1a\n", _picture(Message("PNG picture"))),
    (0, b"\xff\xd8\xff", _picture(Message("JPEG picture"))),
    (0, b"GIF8", _picture(Message("GIF picture"))),
    (0, b"8BPS", Kind(Message("Photoshop picture"), PNG_OR_JPEG)),
    (0, b"\xff\x0a", Kind(Message("JPEG XL picture"), PNG_OR_JPEG)),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Kind(Message("JPEG XL picture"), PNG_OR_JPEG)),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Kind(Message("JPEG 2000 picture"), PNG_OR_JPEG)),
    (0, b"\xff\x4f\xff\x51", Kind(Message("JPEG 2000 picture"), PNG_OR_JPEG)),
    (0, b"\0\0\1\0", Kind(Message("icon"), PNG_OR_JPEG, "an")),
    (0, b"\x76\x2f\x31\x01", Kind(Message("OpenEXR picture"), PNG_OR_JPEG, "an")),
    (0, b"FUJIFILMCCD-RAW", Kind(Message("camera's raw picture"), PNG_OR_JPEG)),
    (0, b"%PDF-", Kind(Message("PDF document"), Message("export its pages as PNG"))),
    (0, b"version https://git-lfs", GIT_LFS),
    (0, b"/annex/objects/", GIT_ANNEX),
    (128, b"DICM", Kind(Message("DICOM picture"), PNG_OR_JPEG)),
    (0, b"SIMPLE  =", Kind(Message("FITS picture"), PNG_OR_JPEG)),
    (344, b"n+1\0", Kind(Message("NIfTI volume"), Message("save its slices as PNG, in one folder a class"))),
    (0, b"\0\0\x08\1", _IDX),
    (0, b"\0\0\x08\3", _IDX),
    (0, b"\0\0\x08\4", _IDX),
    (0, b"\x93NUMPY", Kind(Message("NumPy array"), Message("let its name end in .npy"))),
    (0, b"\x89HDF\r\n\x1a\n", Kind(Message("HDF5 file"), ARRAYS, "an")),
    (0, b"MATLAB 5.0", Kind(Message("MATLAB file"), ARRAYS)),
    (0, b"PAR1", Kind(Message("Parquet file"), FOLDERS)),
    (0, b"ARROW1", Kind(Message("Arrow or Feather file"), PARQUET, "an")),
    (0, b"FEA1", Kind(Message("Feather file"), PARQUET)),
    (0, b"SQLite format 3\0", Kind(Message("SQLite database"), TABLE, "an")),
    (16, b"\xde\xc0\xef\xbe", LMDB),
    (0, b"\x0a\x23\xd7\xce", Kind(Message("RecordIO file of MXNet"), FOLDERS)),
    (0, b"Rar!\x1a\x07", Kind(Message("RAR archive"), UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Kind(Message("7z archive"), UNPACK)),
    (0, b"\x1f\x8b", Kind(Message("file packed by gzip"), UNPACK)),
    (0, b"BZh", Kind(Message("file packed by bzip2"), UNPACK)),
    (0, b"\xfd7zXZ\0", Kind(Message("file packed by xz"), UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Kind(Message("file packed by Zstandard"), UNPACK)),
    (257, b"ustar", Kind(Message("tar archive"), UNPACK)),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", SPREADSHEET),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (0, b"OggS", SOUND),
    (0, b"ID3", SOUND),
    (0, b"fLaC", SOUND),
    (0, b"II*\0", _picture(Message("TIFF picture"))),
    (0, b"MM\0*", _picture(Message("TIFF picture"))),
    (0, b"II+\0", _picture(Message("TIFF picture"))),
    (0, b"MM\0+", _picture(Message("TIFF picture"))),
)
_OF_RIFF = {b"WEBP": _picture(Message("WebP picture")), b"AVI ": VIDEO, b"WAVE": SOUND}
_OF_ISO = {  # ISO/IEC 14496-12: the brand
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"avif", b"avis"), Kind(Message("AVIF picture"), PNG_OR_JPEG, "an")),
    b"crx ": Kind(Message("camera's raw picture"), PNG_OR_JPEG),
}
_OF_ZIP = (  # what the name of a zip archive's first member tells
    (re.compile(rb"\[Content_Types\]\.xml|_rels/|xl/|docProps/|mimetype"), SPREADSHEET),
    (re.compile(rb"[^/]+/data\.pkl|[^/]+/version|[^/]+/byteorder|[^/]+/\.format_version"), TORCH),
    (re.compile(rb"metadata\.json|config\.json|model\.weights\.h5"), KERAS),
    (re.compile(rb".+\.npy"), Kind(Message("NumPy archive"), Message("let its name end in .npz"))),
)
_ZIP = Kind(Message("zip archive"), UNPACK)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_NETPBM = re.compile(rb"P[1-6]\s")


def kind_of(head: bytes) -> Kind | None:
    """Return what a file is that begins with ``head``, up to ``HEAD`` bytes of it; None: nobody knows."""
    if not head:
        return EMPTY
    for place, start, kind in _STARTS:
        if head.startswith(start, place):
            return kind
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return _picture(Message("BMP picture"))
    if head[:4] == b"RIFF":
        return _OF_RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _OF_ISO.get(head[8:12], VIDEO)
    if head[:4] == b"PK\3\4":
        name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return next((kind for pattern, kind in _OF_ZIP if pattern.match(name)), _ZIP)
    if _PICKLE.match(head):
        return PICKLE
    if _NETPBM.match(head):
        return _picture(Message("Netpbm picture"))
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 2**32:
        return SAFETENSORS
    if _begins_a_record(head):
        return TFRECORD
    if not head.strip(b"\0"):
        return ZEROS
    return _kind_of_text(head)


def kind_of_file(path: Path) -> Kind | None:
    """Return what a file is; None where nobody knows, or it is no file that can be read."""
    try:
        if not path.is_file():  # a pipe could be waited on for ever
            return None
        with path.open("rb") as file:
            return kind_of(file.read(HEAD))
    except OSError:
        return None


def kind_of_stored(file: StoredPicture) -> Kind | None:
    """Return what a file is, wherever it lies; None where nobody knows, or it cannot be read."""
    if isinstance(file, PictureFile):
        return kind_of_file(file.path)
    try:
        with file.open() as opened:
            return kind_of(opened.read(HEAD))
    except (PictureError, OSError):
        return None


def left_out(found: Iterable[StoredPicture]) -> Message | None:
    """Return the sentence about files that are not read as pictures; None where there are none."""
    files = [file for file in found if file.path.name not in SYSTEM_FILES]
    if not files:
        return None
    return Message(
        "1 file is not read as a picture and left out: {kinds}."
        if len(files) == 1
        else "{count:,} files are not read as pictures and left out: {kinds}.",
        count=len(files),
        kinds=describe_kinds(files),
    )


def describe_kinds(files: Sequence[StoredPicture]) -> Message:
    """Return how many files of each kind there are: ``.svg (2, SVG drawing: …), .txt (1, text)``.

    A kind of pictures is followed by what to do with it. Of more than ``MOST_LOOKED_AT`` files the others are
    told by the ends of their names alone.
    """
    ordered = sorted(files, key=lambda file: file.position)  # an archive is read from front to end
    kinds = Counter((_end(file), kind_of_stored(file)) for file in ordered[:MOST_LOOKED_AT])
    kinds.update((_end(file), None) for file in ordered[MOST_LOOKED_AT:])
    counted = sorted(kinds.items(), key=lambda item: (-item[1], item[0][0]))
    named = [_named(end, kind, count) for (end, kind), count in counted[:MOST_NAMED]]
    if len(counted) > MOST_NAMED:
        others = sum(count for _, count in counted[MOST_NAMED:])
        named.append(Message("{count:,} of other kinds", count=others))
    return enumerated(named)


def _named(end: str, kind: Kind | None, count: int) -> Message:
    if kind is None:
        return Message("{end} ({count:,})", end=end, count=count)
    if kind.is_of_data or end in PICTURE_SUFFIXES:
        return Message("{end} ({count:,}, {kind})", end=end, count=count, kind=kind.name)
    return Message(
        "{end} ({count:,}, {kind}: {advice})", end=end, count=count, kind=kind.name, advice=kind.advice
    )


def _end(file: StoredPicture) -> str:
    return file.path.suffix.lower() or file.path.name


def _kind_of_text(head: bytes) -> Kind | None:
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4 or len(head) < HEAD:  # else a letter that was cut in two
            return None
        text = head[: error.start].decode("utf-8-sig")
    if re.search(r"[\0-\x08\x0e-\x1a\x1c-\x1f]", text):
        return None
    start = text.lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        return HTML
    if start.startswith("<"):
        return SVG if "<svg" in start else HTML if "<html" in start else VOC if "<bndbox" in start else XML
    if start.startswith(("{", "[")):
        return COCO if re.search(r'"(bbox|segmentation|annotations|licenses)"\s*:', start) else JSON
    return TEXT


def _begins_a_record(head: bytes) -> bool:
    """Say whether it begins with the length of a record and the masked CRC-32C of that, as TFRecord's do."""
    if len(head) < 12:
        return False
    checksum = 0xFFFFFFFF
    for byte in head[:8]:
        checksum ^= byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (0x82F63B78 if checksum & 1 else 0)
    checksum ^= 0xFFFFFFFF
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return masked == int.from_bytes(head[8:12], "little")
