"""Damaged files: pictures and classifiers."""

import io
import json
import sys
import tempfile
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError
from benchmarks.reliability.mutation import mutated, mutated_json, mutated_text

SIDE = 24  # pixels of a picture
LARGE = (7_900, 8_000)  # pixels; just within the largest picture that is opened
ONE_LARGE_IN = 1000
FOREIGN = "this:s"  # a network that would be imported, and prints a poem when it is
RECORD = 1 + 32 * 32 * 3  # bytes of an image of CIFAR-10 with its label


# -- pictures ------------------------------------------------------------------------------------------------


def _pixels(mode: str, size: tuple[int, int] = (SIDE, SIDE + 5)) -> Image.Image:
    """Return a picture with a gradient and a stroke, in one of Pillow's modes."""
    width, height = size
    across = np.linspace(0, 255, width, dtype=np.float32)[np.newaxis].repeat(height, axis=0)
    across[height // 3 : height // 2, width // 4 : -width // 4] = 255
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray((across * 200).astype(kind))
    grey, inverse = (Image.fromarray(values.astype(np.uint8)) for values in (across, 255 - across))
    colour = Image.merge("RGB", (grey, grey.transpose(Image.Transpose.ROTATE_180), inverse))
    if mode == "P":
        return colour.quantize(16)
    if mode in ("LA", "RGBA"):
        opaque = (grey if mode == "LA" else colour).copy()
        opaque.putalpha(grey)
        return opaque
    return colour.convert(mode)


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6
    return exif


TIFF_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")
COMPRESSIONS = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
SAVED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    ("PNG", "RGB", {"transparency": (255, 255, 255)}),
    ("PNG", "P", {"transparency": 3, "exif": _turned()}),
    *(("JPEG", mode, {"quality": 80}) for mode in ("L", "RGB", "CMYK")),
    ("JPEG", "RGB", {"progressive": True, "exif": _turned()}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True, "exif": _turned()}),
    ("WEBP", "RGB", {"save_all": True, "append_images": [_pixels("RGB")]}),
    *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
    *(("GIF", mode, {}) for mode in ("L", "P")),
    ("GIF", "P", {"transparency": 2, "save_all": True, "append_images": [_pixels("P")], "duration": 50}),
    *(
        ("TIFF", mode, {})
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")
    ),
    *(
        ("TIFF", "RGB", {"compression": name})
        for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "F", {"compression": "tiff_lzw", "exif": _turned()}),
    *(("PPM", mode, {}) for mode in ("1", "L", "RGB", "I")),
)
TEXT_PICTURES = (  # as people and old programs write PPM
    b"P1\n# drawn\n8 2\n01010101 1 0 1 0 1 0 1 0\n",
    b"P2 4 4 15\n" + b" ".join(b"%d" % number for number in range(16)),
    b"P3\n3 2\n1000\n" + b"1000 0 500\n" * 6,
    b"P5 4 4 4095\n" + bytes(range(8)) * 4,
)


@cache
def pictures() -> tuple[bytes, ...]:
    """Return small sound pictures in every format that is opened, with its modes and compressions."""
    return (*(_saved(_pixels(mode), format, **options) for format, mode, options in SAVED), *TEXT_PICTURES)


@cache
def large_pictures() -> tuple[bytes, ...]:
    """Return plain pictures with almost as many pixels as one may have: small files, much memory."""
    plain = {mode: Image.new(mode, LARGE, "white") for mode in ("L", "P", "RGBA")}
    return (
        *(_saved(picture, "PNG") for picture in plain.values()),
        _saved(plain["P"], "GIF", transparency=0),
        _saved(plain["L"].convert("F"), "TIFF", compression="tiff_adobe_deflate"),
    )


def _saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _picture(random: Random, _: int) -> Case:
    large = random.randrange(ONE_LARGE_IN) == 0
    content = random.choice(large_pictures() if large else pictures())
    if not large or random.random() < 0.5:
        content = mutated(random, content, pictures())
    if content.startswith(b"\x89PNG") and random.random() < 0.6:
        content = with_checksums(content)
    kind = random.choice(("fit", "crop", "half-crop", "stretch", "handwriting", "object"))
    return Case({"picture": content}, partial(_open_picture, content, kind))


def _open_picture(content: bytes, kind: str) -> None:
    """Open a picture in every way that there is, and frame it."""
    from imagelet.preprocessing.framing import Framing, apply_framing
    from imagelet.preprocessing.inspection import inspect_picture
    from imagelet.preprocessing.picture import open_picture, picture_size

    pixels = open_picture(content)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise WrongAnswerError(f"pixels {pixels.dtype} {pixels.shape}")
    if max(picture_size(content)) < 1:
        raise WrongAnswerError("a picture without size")
    with tempfile.NamedTemporaryFile(suffix=".picture") as file:
        file.write(content)
        file.flush()
        inspect_picture(file.name)
    framed = apply_framing(pixels, Framing(kind, 28, 28, pixels.shape[2]))
    if framed.image.shape != (28, 28, pixels.shape[2]) or framed.image.dtype != np.uint8:
        raise WrongAnswerError(f"framed {framed.image.dtype} {framed.image.shape}")


def with_checksums(content: bytes) -> bytes:
    """Return a PNG whose chunks have the checksums of what they hold, so that a reader goes on into them."""
    changed, place = bytearray(content), 8
    while place + 12 <= len(changed):
        length = int.from_bytes(changed[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(changed):
            break
        changed[end : end + 4] = zlib.crc32(changed[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(changed)


# -- classifiers ---------------------------------------------------------------------------------------------


@cache
def classifier(*, packed: bool = False) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return the parts of a small classifier's file: its tensors' entries, its facts, its weights.

    Args:
        packed: the weights are float16 and packed, as in the classifiers that come with the package.
    """
    import torch

    from imagelet.classifier import file
    from imagelet.metrics.calibration import Calibration
    from imagelet.networks import build
    from imagelet.preprocessing.framing import Framing
    from imagelet.preprocessing.normalization import Normalization

    torch.set_num_threads(1)
    text = (
        "conv(2, 3x3, same) batchnorm relu pool(2) residual(conv(2, 3x3, same) relu) "
        "flatten dense(classes) softmax"
    )
    network = build(text, input_shape=(8, 8, 1), classes=3)
    preparation = (Framing("fit", 8, 8, 1), Normalization((0.3,), (0.2,)))
    content = file.Content(network, ("a", "b", "c"), *preparation, Calibration.none(), {"seed": 0}, "none")
    raw = file.packed(file.to_bytes(content, half=True)) if packed else file.to_bytes(content)
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    facts = json.loads(header.pop("__metadata__")[file.KEY])
    return header, facts, raw[8 + length :]


def _joined(tensors: str, facts: str, weights: bytes) -> bytes:
    """Return a file of safetensors with these texts in its header, whatever they are."""
    tensors = tensors.strip()
    metadata = f'"__metadata__": {{"imagelet": {json.dumps(facts)}}}'
    inside = tensors[1:] if tensors.startswith("{") and tensors != "{}" else "}"
    header = f"{{{metadata}{', ' if inside != '}' else ''}{inside}".encode("utf-8", "surrogatepass")
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + weights


def _classifier(random: Random, _: int) -> Case:
    tensors, facts, weights = classifier(packed=random.random() < 0.3)
    header, inside = json.dumps(tensors), json.dumps(facts, sort_keys=True)
    action = random.random()
    if action < 0.45:
        inside = mutated_json(random, facts)
    elif action < 0.6:
        text = FOREIGN if random.random() < 0.1 else mutated_text(random, facts["network"]["text"])
        changed = facts | {"network": facts["network"] | {"text": text}}
        inside = json.dumps(changed, ensure_ascii=random.random() < 0.5)
    elif action < 0.8:
        header = mutated_json(random, tensors)
    elif action < 0.9:
        weights = mutated(random, weights)
    content = _joined(header, inside, weights)
    if action >= 0.9:
        content = mutated(random, content)
    files = {"classifier.safetensors": content}
    return Case(files, partial(in_folder, _read_classifier, files))


def _read_classifier(folder: Path) -> None:
    """Load a classifier and let it predict."""
    from imagelet.classifier.classifier import Classifier

    try:
        read = Classifier.load(folder / "classifier.safetensors")
    finally:
        if FOREIGN.partition(":")[0] in sys.modules:
            raise WrongAnswerError(f"{FOREIGN} was imported")
    height, width, channels = read.framing.shape
    probabilities = read.predict_proba(np.zeros((1, height, width, channels), np.uint8))
    if probabilities.shape != (1, len(read.classes)) or not np.isfinite(probabilities).all():
        raise WrongAnswerError(f"probabilities {probabilities}")
    read._repr_html_()


def in_folder(read: Callable[[Path], object], files: dict[str, bytes]) -> None:
    """Write files into a folder and call ``read`` with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        read(folder)


FUZZERS = (
    Fuzzer("pictures", "pictures", 50_000, _picture),
    Fuzzer("classifiers", "classifier files", 5_000, _classifier),
)
