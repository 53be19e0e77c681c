"""The classifier's file: whatever is in it, it gives a sound classifier or one sentence, and runs nothing."""

import contextlib
import json
import os
import pickle
import resource
import struct
import sys
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import nn

from imagelet.classifier import file
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError
from imagelet.metrics.calibration import Calibration
from imagelet.networks import NamedNetwork, build, networks
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization

TEXT = "conv(2, 2x2) batchnorm flatten dense(classes)"
CLASSES = ("ant", "bee", "고양이")
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 2**31, 2**63, 2**64, 10**400])
    | st.floats()
    | st.text(max_size=6),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=6,
)
FUZZ = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make_classifier(network: nn.Module | None = None, **fields: Any) -> Classifier:
    given = {
        "classes": CLASSES,
        "framing": Framing("fit", 3, 2, 1),
        "normalization": Normalization((0.25,), (0.5,)),
        "calibration": Calibration(1.5, 0.5),
        "training": {"dataset": "none", "seed": 0},
    } | fields
    return Classifier(network=network or build(TEXT, (3, 2, 1), 3), **given)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the content of a sound file, small enough to be damaged everywhere."""
    path = tmp_path_factory.mktemp("sound") / "sound.safetensors"
    make_classifier().save(path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a file.safetensors"


def taken_apart(raw: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return the header without the facts, the facts, and the tensors' bytes."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    facts = json.loads(header.pop("__metadata__")["imagelet"])
    return header, facts, raw[8 + length :]


def put_together(header: dict[str, Any], facts: Any, body: bytes) -> bytes:
    """Return a file; ``facts`` are what is written under "imagelet", text as it is."""
    told = facts if isinstance(facts, str) else json.dumps(facts)
    return with_header(json.dumps({"__metadata__": {"imagelet": told}, **header}).encode(), body)


def with_header(header: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def refusal(path: Path, content: bytes | None = None) -> str:
    """Return what loading says of a file with this content; it must say it in one printable line."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ClassifierFileError) as caught:
        Classifier.load(path)
    assert caught.value.message.startswith(f"{path} is no classifier that can be used: ")
    assert str(caught.value).isprintable()
    assert len(caught.value.message) < len(str(path)) + 400
    return str(caught.value)


def refused_or_sound(path: Path, content: bytes) -> bool:
    """Return whether a file is refused; one that is not must give probabilities, or say that it cannot."""
    path.write_bytes(content)
    try:
        classifier = Classifier.load(path)
    except ClassifierFileError:
        refusal(path)
        return True
    images = np.full((2, *classifier.input_shape), 100, np.uint8)
    with contextlib.suppress(ClassifierFileError):  # weights so large that the logits are not finite
        assert np.allclose(classifier.predict_proba(images).sum(axis=1), 1)
    return False


class TestASoundFile:
    def test_is_read(self, path: Path, raw: bytes) -> None:
        assert put_together(*taken_apart(raw)) != b""
        path.write_bytes(put_together(*taken_apart(raw)))
        content = file.read(path)
        assert content.classes == CLASSES
        assert content.network.text == TEXT
        assert content.framing == Framing("fit", 3, 2, 1)
        assert content.normalization == Normalization((0.25,), (0.5,))
        assert content.calibration == Calibration(1.5, 0.5)
        assert content.training == {"dataset": "none", "seed": 0}
        assert content.test_time_augmentation == "none"

    def test_is_safetensors_that_others_can_read_and_says_with_what_it_was_made(
        self, path: Path, raw: bytes
    ) -> None:
        from safetensors import safe_open

        path.write_bytes(raw)
        with safe_open(path, "np") as opened:
            assert set(opened.keys()) == set(build(TEXT, (3, 2, 1), 3).state_dict())
            facts = json.loads(opened.metadata()["imagelet"])
        assert sorted(facts) == sorted(file.FIELDS)
        assert facts["format"] == 1
        assert facts["network"] == {"text": TEXT, "input_shape": [3, 2, 1]}
        assert facts["versions"]["torch"] == torch.__version__.split("+")[0] or facts["versions"]["torch"]
        assert list(facts) == sorted(facts)

    def test_may_have_as_many_classes_with_as_long_names_as_folders_can(self, path: Path) -> None:
        classes = tuple(f"{index:05}" + "가" * 83 for index in range(10_000))  # 254 bytes each
        network = build("flatten dense(classes)", (1, 1, 1), 10_000)
        make_classifier(network, classes=classes, framing=Framing("fit", 1, 1, 1)).save(path)
        assert Classifier.load(path).classes == classes

    def test_may_name_a_network_instead_of_spelling_it(self, path: Path) -> None:
        network = build("softmax", (3, 2, 1), 3)
        make_classifier(network).save(path)
        header, facts, body = taken_apart(path.read_bytes())
        facts["network"]["text"] = "softmax"
        path.write_bytes(put_together(header, facts, body))
        assert Classifier.load(path).network_text == "flatten dense(classes) softmax"

    def test_is_read_from_memory_as_from_a_disk(self, raw: bytes) -> None:
        classifier = Classifier.from_bytes(raw)
        assert classifier.file is None
        assert classifier.to_bytes() == raw
        with pytest.raises(
            ClassifierFileError, match=r"^what was given is no classifier that can be used: its"
        ):
            Classifier.from_bytes(raw[:-1].replace(b"calibration", b"calibratiom"))

    def test_takes_no_pickle_and_no_import_to_read(
        self, path: Path, raw: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(*_: Any, **__: Any) -> None:
            raise AssertionError("this must not be called")

        path.write_bytes(raw)
        Classifier.load(path)  # what is imported late is there now
        for place in ("pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load"):
            monkeypatch.setattr(place, never)
        monkeypatch.setattr("importlib.import_module", never)
        Classifier.load(path)


class TestHalfPrecision:
    """Weights of two bytes each."""

    def test_halves_the_file_and_hardly_changes_the_answers(self, path: Path, tmp_path: Path) -> None:
        text = "conv(16, 3x3, same) batchnorm relu flatten dense(40) relu dense(classes)"
        shape = (8, 8, 1)
        whole = make_classifier(build(text, shape, 3, seed=1), framing=Framing("fit", *shape))
        whole.network.state_dict()["batchnorm1.num_batches_tracked"].fill_(70_001)  # more than half can count
        whole.save(tmp_path / "whole.safetensors")
        whole.save(path, half=True)
        assert path.stat().st_size == pytest.approx(
            (tmp_path / "whole.safetensors").stat().st_size / 2, rel=0.05
        )
        images = np.random.default_rng(0).integers(0, 256, (50, *shape), dtype=np.uint8)
        loaded = Classifier.load(path)
        assert np.abs(loaded.logits(images) - whole.logits(images)).max() < 1e-2
        assert not np.array_equal(loaded.logits(images), whole.logits(images))
        for field in set(vars(whole)) - {"network", "file"}:
            assert getattr(loaded, field) == getattr(whole, field)

    def test_is_of_the_file_alone(self, path: Path, tmp_path: Path) -> None:
        classifier = make_classifier()
        before = {name: tensor.clone() for name, tensor in classifier.network.state_dict().items()}
        classifier.save(path, half=True)
        loaded = Classifier.load(path)
        for name, tensor in classifier.network.state_dict().items():
            assert torch.equal(tensor, before[name])
            assert loaded.network.state_dict()[name].dtype == tensor.dtype
            rounded = tensor.half().to(tensor.dtype) if tensor.is_floating_point() else tensor
            assert torch.equal(loaded.network.state_dict()[name], rounded)
        loaded.save(tmp_path / "again.safetensors", half=True)  # nothing is lost a second time
        assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()

    def test_says_of_each_weight_how_it_is_stored(self, path: Path) -> None:
        make_classifier().save(path, half=True)
        header, facts, _ = taken_apart(path.read_bytes())
        stored = {name: entry["dtype"] for name, entry in header.items()}
        assert stored.pop("batchnorm1.num_batches_tracked") == "I64"
        assert set(stored.values()) == {"F16"}
        assert facts["format"] == 1

    def test_that_is_cut_off_or_not_finite_is_refused(self, path: Path) -> None:
        make_classifier().save(path, half=True)
        raw = path.read_bytes()
        for length in range(len(raw) - 40, len(raw)):
            refusal(path, raw[:length])
        header, facts, body = taken_apart(raw)
        start, _ = header["dense1.bias"]["data_offsets"]
        infinite = body[:start] + np.float16("inf").tobytes() + body[start + 2 :]
        assert "are not finite" in refusal(path, put_together(header, facts, infinite))

    def test_is_not_written_of_weights_that_it_cannot_hold(self, path: Path) -> None:
        classifier = make_classifier()
        classifier.network.state_dict()["dense1.bias"].fill_(70_000)
        with contextlib.suppress(ValueError):
            classifier.save(path, half=True)
            Classifier.load(path)


class TestAnotherCalibration:
    KNOWN = Calibration(1.2, 0.7, (0.5, -1.0, 2.0))

    def test_leaves_the_weights_as_they_are_byte_for_byte(self, raw: bytes, path: Path) -> None:
        changed = file.with_calibration(raw, self.KNOWN)
        assert taken_apart(changed)[2] == taken_apart(raw)[2]
        path.write_bytes(changed)
        assert Classifier.load(path).calibration == self.KNOWN
        assert file.with_calibration(changed, Calibration(1.5, 0.5)) == raw

    @pytest.mark.parametrize("lowest", [[1.0, 2.0], [1.0] * 4, [1.0, 2.0, "3"], [1.0, 2.0, None], 3, {}])
    def test_needs_a_lowest_logit_of_each_class(self, raw: bytes, path: Path, lowest: Any) -> None:
        header, facts, body = taken_apart(raw)
        facts["calibration"]["lowest_logits"] = lowest
        path.write_bytes(put_together(header, facts, body))
        with pytest.raises(ClassifierFileError, match="lowest logit"):
            Classifier.load(path)


class TestPackedWeights:
    """The weights of the classifiers that come with the package: float16, packed."""

    TEXT = "conv(16, 3x3, same) batchnorm relu flatten dense(40) relu dense(classes)"

    def both(self) -> tuple[bytes, bytes]:
        """Return a file with float16 weights, and the same packed."""
        shape = (8, 8, 1)
        made = make_classifier(build(self.TEXT, shape, 3, seed=1), framing=Framing("fit", *shape))
        made.network.state_dict()["batchnorm1.num_batches_tracked"].fill_(70_001)
        plain = made.to_bytes(half=True)
        return plain, file.packed(plain)

    @pytest.mark.parametrize("by_torch", [False, True])
    def test_are_the_same_weights_to_the_bit_in_fewer_bytes(self, path: Path, *, by_torch: bool) -> None:
        plain, packed = self.both()
        assert len(packed) < 0.9 * len(plain)
        again = []
        for content in (plain, packed):
            path.write_bytes(content)
            given = build(self.TEXT, (8, 8, 1), 3) if by_torch else None
            again.append(Classifier.load(path, network=given))
        for name, tensor in again[0].network.state_dict().items():
            assert torch.equal(tensor, again[1].network.state_dict()[name])
            assert tensor.dtype == again[1].network.state_dict()[name].dtype
        assert again[0].to_bytes(half=True) == again[1].to_bytes(half=True) == plain
        assert again[0].training == again[1].training

    def test_may_be_of_one_number(self) -> None:
        number = np.array(-1.25, np.float16)
        assert file._unpacked(file._packed(number), ()).tobytes() == number.tobytes()

    @given(st.lists(st.floats(width=16), min_size=1, max_size=20), st.sampled_from([(-1,), (1, -1), (-1, 1)]))
    def test_lose_no_number(self, numbers: list[float], shape: tuple[int, ...]) -> None:
        array = np.array(numbers, np.float16).reshape(shape)
        packed = file._packed(array)
        assert (packed.dtype, packed.ndim) == (np.uint8, 1)
        assert file._unpacked(packed, array.shape).tobytes() == array.tobytes()
        assert file._unpacked(packed, array.shape).shape == array.shape

    def test_are_of_float16_alone(self) -> None:
        header, _, _ = taken_apart(self.both()[1])
        assert header["dense1.weight"]["dtype"] == "U8"
        assert len(header["dense1.weight"]["shape"]) == 1
        assert header["batchnorm1.num_batches_tracked"]["dtype"] == "I64"
        whole = make_classifier().to_bytes()
        assert file.packed(whole) == whole

    def test_that_are_cut_off_or_of_another_type_are_refused(self, path: Path) -> None:
        _, raw = self.both()
        for length in range(len(raw) - 40, len(raw)):
            refusal(path, raw[:length])
        header, facts, body = taken_apart(raw)
        start, end = header["dense2.bias"]["data_offsets"]
        for shape in ([1, end - start], [end - start, 1], [end - start - 1], [], [True], end - start, None):
            changed = header | {"dense2.bias": header["dense2.bias"] | {"shape": shape}}
            refusal(path, put_together(changed, facts, body))
        for name in ("batchnorm1.num_batches_tracked", "dense2.bias"):
            changed = header | {name: header[name] | {"dtype": "I8"}}
            assert "type and shape" in refusal(path, put_together(changed, facts, body))

    @pytest.mark.parametrize("numbers", [0, 1, 2, 4, 1_000_000])
    def test_of_which_there_are_fewer_or_more_are_refused(self, numbers: int) -> None:
        packer = zlib.compressobj(wbits=file.RAW_DEFLATE)
        compressed = np.frombuffer(packer.compress(bytes(numbers)) + packer.flush(), np.uint8)
        with pytest.raises(ValueError, match="packed weights are damaged"):
            file._unpacked(np.concatenate([np.zeros(3 + 3, np.uint8), compressed]), (3,))

    @pytest.mark.parametrize("length", range(12))
    def test_that_are_damaged_are_refused(self, length: int) -> None:
        packed = file._packed(np.ones(3, np.float16))
        with pytest.raises(ValueError, match="packed weights are damaged"):
            file._unpacked(packed[: min(length, len(packed) - 1)], (3,))
        with pytest.raises(ValueError, match="packed weights are damaged"):
            file._unpacked(np.concatenate([packed, packed[:1]]), (3,))

    def test_that_are_not_finite_are_refused(self, path: Path) -> None:
        header, facts, body = taken_apart(self.both()[0])
        start, end = header["dense2.bias"]["data_offsets"]
        infinite = body[:start] + np.full(3, np.inf, np.float16).tobytes() + body[end:]
        assert "are not finite" in refusal(path, file.packed(put_together(header, facts, infinite)))


class TestADamagedFile:
    def test_that_is_cut_off_anywhere_is_refused(self, path: Path, raw: bytes) -> None:
        header_end = 8 + int.from_bytes(raw[:8], "little")
        lengths = {*range(12), *range(12, header_end, 37), *range(header_end - 3, len(raw))}
        for length in sorted(lengths):
            refusal(path, raw[:length])

    @pytest.mark.parametrize("more", [b"\0", b"more", b"\0" * 4096])
    def test_with_something_behind_it_is_refused(self, path: Path, raw: bytes, more: bytes) -> None:
        refusal(path, raw + more)

    @FUZZ
    @given(st.data())
    def test_with_changed_bytes_is_refused_or_sound(
        self, path: Path, raw: bytes, data: st.DataObject
    ) -> None:
        content = bytearray(raw)
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        refused_or_sound(path, bytes(content))

    @FUZZ
    @given(st.data())
    def test_with_moved_missing_or_doubled_parts_is_refused_or_sound(
        self, path: Path, raw: bytes, data: st.DataObject
    ) -> None:
        start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
        to = data.draw(st.integers(0, len(raw)))
        part, rest = raw[start:stop], raw[:start] + raw[stop:]
        refused_or_sound(path, data.draw(st.sampled_from([rest, rest[:to] + part + rest[to:], raw + part])))

    def test_whose_every_header_byte_is_changed_in_turn_is_refused_or_sound(
        self, path: Path, raw: bytes
    ) -> None:
        header_end = 8 + int.from_bytes(raw[:8], "little")
        refused = 0
        for place in range(0, header_end, 5):
            changed = bytes([raw[place] ^ (0x80 if place % 2 else 0x01)])
            refused += refused_or_sound(path, raw[:place] + changed + raw[place + 1 :])
        assert refused > header_end / 5 * 0.7

    def test_the_weights_changed_is_another_classifier_for_nothing_guards_them(
        self, path: Path, raw: bytes
    ) -> None:
        path.write_bytes(raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:])
        assert Classifier.load(path).classes == CLASSES

    @given(st.binary(max_size=200))
    @FUZZ
    def test_of_any_bytes_is_refused(self, path: Path, content: bytes) -> None:
        refusal(path, content)
        refusal(path, with_header(content, b"\0" * 50))


class TestTheHeader:
    @pytest.mark.parametrize("length", [0, 1, 2, 7, 2**20, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
    def test_of_another_length_than_it_says_is_refused(self, path: Path, raw: bytes, length: int) -> None:
        refusal(path, struct.pack("<Q", length) + raw[8:])

    @pytest.mark.parametrize("off", [-8, -1, 1, 8])
    def test_of_nearly_the_length_that_it_says_is_refused(self, path: Path, raw: bytes, off: int) -> None:
        refusal(path, struct.pack("<Q", int.from_bytes(raw[:8], "little") + off) + raw[8:])

    def test_that_reaches_to_the_end_or_beyond_is_refused(self, path: Path, raw: bytes) -> None:
        for length in (len(raw) - 8, len(raw) - 7):
            refusal(path, struct.pack("<Q", length) + raw[8:])

    def test_that_is_too_large_is_refused_before_it_is_parsed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file.json, "loads", None)
        header = b'{"__metadata__": {}}'.ljust(file.LARGEST_HEADER + 1)
        assert "not a safetensors file" in refusal(path, with_header(header))

    @pytest.mark.parametrize(
        "header",
        [
            b"",
            b" ",
            b"null",
            b"1",
            b'"text"',
            b"[]",
            b"{}",
            b'{"__metadata__": null}',
            b'{"__metadata__": []}',
            b'{"__metadata__": {}}',
            b'{"__metadata__": {"imagelet": {}}}',
            b'{"__metadata__": {"imagelet": null}}',
            b'{"__metadata__": {"imagelet": ""}}',
            b'{"__metadata__": {"imagelet": "{"}}',
            b'{"__metadata__": {"imagelet": "null"}}',
            b'{"__metadata__": {"imagelet": "[1]"}}',
            b'{"__metadata__": {"imagelet": "{}"}}',
            b'{"__metadata__": {"imagelet": "{\\"format\\": 1}"}}',
            b'{"__metadata__": {"other": "{}"}}',
            b"{'__metadata__': 1}",
            b"\xff\xfe{\x00}\x00",
            b'{"\xff": 1}',
            b'{"a": 1' + b"0" * 5000 + b"}",  # more digits than Python turns into a number
            b"[" * 200_000,
            b'{"a":' * 200_000,
            b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"__metadata__": {"imagelet": "' + b"[" * 200_000 + b'"}}',
            b'{"__metadata__": {"imagelet": "' + b'{\\"a\\":' * 100_000 + b'"}}',
        ],
        ids=lambda header: header[:45].decode("latin-1"),
    )
    def test_of_other_json_is_refused(self, path: Path, header: bytes) -> None:
        refusal(path, with_header(header, b"\0" * 100))

    def test_with_a_name_twice_is_refused_or_sound(self, path: Path, raw: bytes) -> None:
        header, facts, body = taken_apart(raw)
        written = json.dumps({"__metadata__": {"imagelet": json.dumps(facts)}, **header})
        entry = header["conv1.weight"]
        for other in (entry | {"dtype": "F16"}, entry | {"shape": [8]}, entry | {"data_offsets": [0, 0]}, 5):
            twice = json.dumps({"conv1.weight": other})[1:-1]
            refused_or_sound(path, with_header(f"{{{twice}, {written[1:]}".encode(), body))
            refused_or_sound(path, with_header(f"{written[:-1]}, {twice}}}".encode(), body))


class TestWhatIsNoClassifier:
    def test_is_refused_with_the_reason(self, path: Path, tmp_path: Path) -> None:
        assert "No such file" in refusal(tmp_path / "missing.safetensors")
        assert "it is not a file" in refusal(tmp_path)
        assert "not a safetensors file, or it is cut off" in refusal(path, b"")
        assert "not a safetensors file" in refusal(path, b"\x89PNG\r\n\x1a\n" + bytes(100))
        assert "not a safetensors file" in refusal(path, b"a,b\n1,2\n" * 100)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
    def test_may_be_a_pipe_that_is_never_written(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert "it is not a file" in refusal(tmp_path / "pipe")

    def test_may_be_a_name_that_no_file_can_have(self, tmp_path: Path) -> None:
        with pytest.raises(ClassifierFileError):
            Classifier.load(str(tmp_path / "a\0b"))
        with pytest.raises(ClassifierFileError):
            Classifier.load(str(tmp_path / ("a" * 5000)))

    def test_may_be_a_pickle_that_would_leave_a_trace(self, path: Path, tmp_path: Path) -> None:
        trace = tmp_path / "trace"

        class Hostile:
            def __reduce__(self) -> Any:
                return os.mkdir, (str(trace),)

        refusal(path, pickle.dumps(Hostile()))
        torch.save({"weight": Hostile()}, path)
        refusal(path)
        refusal(path, with_header(pickle.dumps(Hostile())))
        assert not trace.exists()
        pickle.loads(pickle.dumps(Hostile()))  # noqa: S301 – what was not to happen above does happen here
        assert trace.exists()

    def test_may_be_safetensors_of_something_else(self, path: Path) -> None:
        from safetensors.torch import save

        assert "says nothing of imagelet" in refusal(path, save({"weight": torch.zeros(3)}))
        assert "says nothing of imagelet" in refusal(path, save({"w": torch.zeros(3)}, {"format": "pt"}))

    def test_may_be_larger_than_any_classifier(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "read_bytes", None)  # it is not even read
        with path.open("wb") as opened:
            opened.truncate(file.LARGEST_FILE + 1)  # takes no room on the disk
        assert "2,008,388,609 bytes" in refusal(path)


def changed(raw: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the file with its facts changed."""
    header, facts, body = taken_apart(raw)
    change(facts)
    return put_together(header, facts, body)


def field(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(facts: dict[str, Any]) -> None:
        place = facts
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


class TestTheFacts:
    @pytest.mark.parametrize("name", file.FIELDS)
    @pytest.mark.parametrize(
        "value", [None, True, 0, -1, 1.5, 2**63, 10**400, "", "text", [], [1], [[]], {}, {"a": 1}]
    )
    def test_of_another_type_are_refused_or_sound(
        self, path: Path, raw: bytes, name: str, value: Any
    ) -> None:
        refused = refused_or_sound(path, changed(raw, field(name, value=value)))
        harmless = name in ("training", "versions") and isinstance(value, dict)
        assert refused or harmless or (name == "format" and value is True)

    @FUZZ
    @given(
        st.sampled_from(
            [
                *((name,) for name in file.FIELDS),
                ("network", "text"),
                ("network", "input_shape"),
                ("network", "input_shape", 0),
                ("classes", 1),
                *(("framing", name) for name in ("kind", "height", "width", "channels", "box")),
                ("normalization", "mean"),
                ("normalization", "mean", 0),
                ("normalization", "std"),
                ("normalization", "std", 0),
                ("calibration", "temperature"),
                ("calibration", "threshold"),
                ("training", "seed"),
                ("versions", "torch"),
                ("test_time_augmentation",),
                ("more",),
            ]
        ),
        JSON_VALUES,
    )
    @example(("normalization", "mean", 0), 10**400)
    @example(("normalization", "std", 0), 5e-324)
    @example(("normalization", "mean", 0), 1e308)
    @example(("calibration", "temperature"), 10**400)
    @example(("framing", "box"), 10**400)
    @example(("framing", "height"), 10**400)
    def test_of_any_value_are_refused_or_sound(
        self, path: Path, raw: bytes, keys: tuple[Any, ...], value: Any
    ) -> None:
        refused_or_sound(path, changed(raw, field(*keys, value=value)))

    @pytest.mark.parametrize("name", file.FIELDS)
    def test_must_all_be_there(self, path: Path, raw: bytes, name: str) -> None:
        refusal(path, changed(raw, lambda facts: facts.pop(name)))

    def test_must_be_no_more(self, path: Path, raw: bytes) -> None:
        assert "nothing else" in refusal(path, changed(raw, field("code", value="print()")))

    @pytest.mark.parametrize("number", [2, 0, "1", None, [1]])
    def test_of_another_format_are_refused(self, path: Path, raw: bytes, number: Any) -> None:
        said = refusal(path, changed(raw, field("format", value=number)))
        assert "its format is not 1; a newer imagelet may read it" in said

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (field("classes", value=["ant", "bee", "ant"]), "different"),
            (field("classes", value=["ant", "bee"]), "3 classes|2 classes|names|weights"),
            (field("classes", value=["ant"]), "2 to 10,000"),
            (field("classes", value=[]), "2 to 10,000"),
            (field("classes", value=[str(index) for index in range(10_001)]), "2 to 10,000"),
            (field("classes", value=["ant", "bee", 3]), "list of texts"),
            (field("classes", value={"ant": 0, "bee": 1, "cat": 2}), "list of texts"),
            (field("classes", value="abc"), "list of texts"),
            (field("framing", "kind", value="unheard-of"), "unknown"),
            (field("framing", "height", value=2), "input shape"),
            (field("framing", "height", value=3.0), "height"),
            (field("framing", "height", value=0), "1 to 1024"),
            (field("framing", "height", value=2**40), "1 to 1024"),
            (field("framing", "channels", value=2), "1 or 3 channels"),
            (field("framing", "channels", value=3), "channels"),
            (field("framing", "box", value=0), "box"),
            (field("framing", "box", value=float("nan")), "box"),
            (field("framing", "more", value=1), "exactly"),
            (field("normalization", "mean", value=[0.1, 0.2, 0.3]), "each channel has one of both"),
            (field("normalization", value={"mean": [0.0] * 3, "std": [1.0] * 3}), "channels"),
            (field("normalization", "std", value=[0.0]), "above 0"),
            (field("normalization", "std", value=[-1.0]), "above 0"),
            (field("normalization", "mean", value=[float("inf")]), "finite"),
            (field("normalization", "mean", value=["0"]), "numbers"),
            (field("calibration", "temperature", value=0), "temperature"),
            (field("calibration", "temperature", value=float("nan")), "temperature"),
            (field("calibration", "temperature", value="1"), "numbers"),
            (field("calibration", "threshold", value=1.01), "threshold"),
            (field("calibration", value={"temperature": 1.0}), "temperature and a threshold"),
            (field("network", value=TEXT), "text and an input shape"),
            (field("network", "input_shape", value=[3, 2]), "input shape"),
            (field("network", "input_shape", value=[2, 3, 1]), "input shape"),
            (field("network", "input_shape", value="3x2x1"), "input shape"),
            (field("network", "text", value=["flatten"]), "input shape"),
            (field("network", "text", value=""), "empty"),
            (field("network", "text", value="conv(2, 9x9) flatten dense(classes)"), "larger than its 3x2"),
            (field("network", "text", value="flatten dense(4)"), "4 outputs"),
            (field("network", "text", value="flatten dens(classes)"), "unknown layer"),
            (field("network", "text", value="unheard-of"), "unknown network"),
            (field("network", "text", value="relu " * 3000), "characters"),
            (field("network", "text", value="flatten dense(classes) softmax"), "weights"),
            (field("training", value=[]), "training"),
            (field("versions", value="1.0"), "versions"),
            (
                field("test_time_augmentation", value="upside-down"),
                "its test-time augmentation is none of none, mirrored",
            ),
            (field("test_time_augmentation", value=["none"]), "its test-time augmentation is none of"),
        ],
    )
    def test_that_do_not_fit_are_refused_with_the_reason(
        self, path: Path, raw: bytes, change: Callable[[dict[str, Any]], object], reason: str
    ) -> None:
        said = refusal(path, changed(raw, change))
        assert any(word in said.partition("can be used: ")[2] for word in reason.split("|")), said

    def test_that_would_colour_a_terminal_or_start_a_new_line_are_said_plainly(
        self, path: Path, raw: bytes
    ) -> None:
        nasty = "\x1b[31mred\nnew line\r\u202e\x07" + "long " * 500
        for keys in (("framing", "kind"), ("network", "text"), ("framing", "height")):
            refusal(path, changed(raw, field(*keys, value=nasty)))
        header, facts, body = taken_apart(raw)
        header[nasty] = header.pop("dense1.bias")
        assert "red new line" in refusal(path, put_together(header, facts, body))


class TestTheNetwork:
    @pytest.mark.parametrize("text", ["os:system", "subprocess:run", "leaves_a_trace:network", " os:system "])
    def test_that_would_have_to_be_imported_is_refused_without_importing_it(
        self, path: Path, raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        trace = tmp_path / "trace"
        (tmp_path / "leaves_a_trace.py").write_text(
            f"import pathlib\npathlib.Path({str(trace)!r}).touch()\n"
            "def network(channels, size, classes):\n    raise AssertionError\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "leaves_a_trace", raising=False)
        monkeypatch.setattr("os.system", lambda *_: trace.touch())
        monkeypatch.setattr("subprocess.run", lambda *_: trace.touch())
        said = refusal(path, changed(raw, field("network", "text", value=text)))
        assert "would run code from outside imagelet" in said
        assert "if you trust it: --allow-import" in said
        assert not trace.exists()
        assert "leaves_a_trace" not in sys.modules
        with pytest.raises(Exception):  # noqa: B017, PT011 – any: the same text is carried out where a person types it
            build(text, (3, 2, 1), 3)
        assert trace.exists()

    def test_of_a_builder_is_rebuilt_where_the_builder_is_registered_and_only_there(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def builder(channels: int, size: Any, classes: int) -> nn.Sequential:
            layers = OrderedDict(
                flatten=nn.Flatten(), dense1=nn.Linear(channels * size[0] * size[1], classes)
            )
            return nn.Sequential(layers)

        named = NamedNetwork("plugged-in", "plugged-in", (3, 2, 1), "of a test", builder)
        with monkeypatch.context() as registered:
            registered.setitem(networks._things, "plugged-in", named)
            make_classifier(build("plugged-in", (3, 2, 1), 3)).save(path)
            assert Classifier.load(path).network_text == "plugged-in"
        assert "unknown network 'plugged-in'" in refusal(path)

    @pytest.mark.parametrize(
        "text",
        [
            "flatten dense(1000) dense(classes)",  # 28 kB in a file of 2
            "flatten dense(20000) dense(20000) dense(classes)",  # 1.6 GB
            "flatten dense(10000000) dense(10000000) dense(classes)",
            "conv(10000000, 2x2) flatten dense(classes)",
            "conv(9, 2x2, 1024) flatten dense(9999999) dense(classes)",
            "flatten " + "dense(9999) " * 700 + "dense(classes)",
            "flatten dense(9999999999) dense(classes)",
        ],
    )
    def test_that_is_larger_than_the_file_is_refused_before_it_is_built(
        self, path: Path, raw: bytes, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        monkeypatch.setattr(file, "NumpyNetwork", None)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        refusal(path, changed(raw, field("network", "text", value=text)))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB

    def test_of_many_layers_is_refused_or_sound(self, path: Path, raw: bytes) -> None:
        for text in (
            "flatten " + "relu " * 1900 + "dense(classes)",
            "flatten dense(classes) " + "tanh " * 1900,
        ):
            refusal(path, changed(raw, field("network", "text", value=text)))


class TestTheWeights:
    @pytest.mark.parametrize(
        ("dtype", "width"),
        [
            *(("BF16", 2), ("F64", 8), ("I32", 4), ("I64", 8), ("U8", 1), ("BOOL", 1)),
            *(("F8_E4M3", 1), ("F8_E8M0", 1), ("F4", 0), ("F6_E2M3", 0), ("C64", 8), ("X", 4), (None, 4)),
        ],
    )
    def test_of_another_type_are_refused(self, path: Path, raw: bytes, dtype: str | None, width: int) -> None:
        header, facts, body = taken_apart(raw)
        last = max(header, key=lambda name: header[name]["data_offsets"][1])
        start, _ = header[last]["data_offsets"]
        values = int(np.prod(header[last]["shape"]))
        stop = start + values * width
        header[last] |= {"dtype": dtype, "data_offsets": [start, stop]}
        said = refusal(path, put_together(header, facts, (body + bytes(99))[:stop]))
        assert f"its weights '{last}' do not have the network's type and shape" in said

    @pytest.mark.parametrize(("dtype", "width"), [("F64", 8), ("F16", 2), ("F32", 4), ("I32", 4), ("U64", 8)])
    def test_that_count_are_whole_numbers_of_eight_bytes_and_nothing_else(
        self, path: Path, raw: bytes, dtype: str, width: int
    ) -> None:
        header, facts, body = taken_apart(raw)
        name = "batchnorm1.num_batches_tracked"
        assert header[name]["dtype"] == "I64"
        start, stop = header[name]["data_offsets"]
        for entry in header.values():
            if entry["data_offsets"][0] >= stop:
                entry["data_offsets"] = [offset - (stop - start - width) for offset in entry["data_offsets"]]
        header[name] |= {"dtype": dtype, "data_offsets": [start, start + width]}
        said = refusal(path, put_together(header, facts, body[:start] + bytes(width) + body[stop:]))
        assert f"its weights '{name}' do not have the network's type and shape" in said

    @pytest.mark.parametrize(
        "shape",
        [[], [8], [2, 2, 2], [2, 2, 2, 1], [8, 1, 1, 1], [2, 1, 2, 3], [2, 1, 2, -2], [2**40] * 4, None, "2"],
    )
    def test_of_another_shape_are_refused(self, path: Path, raw: bytes, shape: Any) -> None:
        header, facts, body = taken_apart(raw)
        assert header["conv1.weight"]["shape"] == [2, 1, 2, 2]
        header["conv1.weight"]["shape"] = shape
        assert "'conv1.weight'" in refusal(path, put_together(header, facts, body))

    @pytest.mark.parametrize(
        "offsets",
        [
            *([0, 0], [0, 4], [32, 0], [-32, 0], [0, 2**63], [2**63, 2**63 + 32], [2**64 - 32, 2**64]),
            *([0, 2**64], [0, 10**30], [0.0, 32.0], [0], [], None, "0-32", {"0": 32}, [10**9, 10**9 + 32]),
        ],
    )
    def test_of_another_place_are_refused(self, path: Path, raw: bytes, offsets: Any) -> None:
        header, facts, body = taken_apart(raw)
        for name in header:
            wrong = header | {name: header[name] | {"data_offsets": offsets}}
            if offsets != header[name]["data_offsets"]:
                refusal(path, put_together(wrong, facts, body))

    def test_that_lie_over_each_other_are_refused(self, path: Path, raw: bytes) -> None:
        header, facts, body = taken_apart(raw)
        places = {name: entry["data_offsets"] for name, entry in header.items()}
        header["batchnorm1.bias"]["data_offsets"] = places["batchnorm1.weight"]
        refusal(path, put_together(header, facts, body))

    @pytest.mark.parametrize("entry", [None, 1, "F32", [], {}, {"dtype": "F32"}, {"shape": [3]}])
    def test_that_are_described_by_something_else_are_refused(
        self, path: Path, raw: bytes, entry: Any
    ) -> None:
        header, facts, body = taken_apart(raw)
        refusal(path, put_together(header | {"dense1.bias": entry}, facts, body))

    def test_that_are_missing_too_many_or_renamed_are_refused_by_name(self, path: Path, raw: bytes) -> None:
        header, facts, body = taken_apart(raw)
        fewer = {name: entry for name, entry in header.items() if name != "dense1.bias"}
        more = header | {"extra": {"dtype": "F32", "shape": [1], "data_offsets": [len(body), len(body) + 4]}}
        renamed = fewer | {"dense1.offset": header["dense1.bias"]}
        assert "'dense1.bias' is in one of them only" in refusal(path, put_together(fewer, facts, body))
        assert "'extra'" in refusal(path, put_together(more, facts, body + bytes(4)))
        assert "'dense1.bias'" in refusal(path, put_together(renamed, facts, body))
        assert "is in one of them only" in refusal(path, put_together({}, facts, b""))

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    @pytest.mark.parametrize("name", ["conv1.weight", "batchnorm1.running_var", "dense1.bias"])
    def test_that_are_not_finite_are_refused(self, path: Path, name: str, value: float) -> None:
        classifier = make_classifier()
        classifier.network.state_dict()[name].view(-1)[-1] = value
        classifier.save(path)
        assert f"its weights '{name}' are not finite" in refusal(path)

    @pytest.mark.portable
    def test_that_are_finite_and_huge_are_no_mistake_of_the_file(self, path: Path) -> None:
        classifier = make_classifier()
        classifier.network.state_dict()["conv1.weight"].fill_(1)  # products of one sign overflow in any order
        classifier.network.state_dict()["dense1.bias"].fill_(3e38)
        classifier.save(path)
        assert Classifier.load(path).predict_proba(np.zeros((1, 3, 2, 1), np.uint8)).sum() == pytest.approx(1)
        classifier.network.state_dict()["dense1.weight"].fill_(3e38)
        classifier.save(path)
        with pytest.raises(ClassifierFileError, match="damaged"):
            Classifier.load(path).predict_proba(np.full((1, 3, 2, 1), 255, np.uint8))


def test_a_network_that_is_imported_code_loads_only_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trusted_nets.py").write_text(
        "from collections import OrderedDict\n"
        "from torch import nn\n"
        "def tiny(channels, size, classes):\n"
        "    dense = nn.Linear(channels * size**2, classes)\n"
        "    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), dense=dense))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    network = build("trusted_nets:tiny", input_shape=(4, 4, 1), classes=2)
    classifier = Classifier(
        network=network,
        classes=("a", "b"),
        framing=Framing("fit", 4, 4, 1),
        normalization=Normalization((0.0,), (1.0,)),
        calibration=Calibration.none(),
        training={},
    )
    path = tmp_path / "imported.safetensors"
    classifier.save(path)
    with pytest.raises(ClassifierFileError, match="run code from outside") as caught:
        Classifier.load(path)
    assert "allow_import=True" in caught.value.hint
    images = np.zeros((1, 4, 4, 1), np.uint8)
    loaded = Classifier.load(path, allow_import=True)
    assert np.array_equal(loaded.logits(images), classifier.logits(images))
