"""CIFAR-10's four layouts give the same images, and a pickle can do nothing but describe bytes."""

import codecs
import gzip
import io
import pickle
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagelet.data import load_dataset
from imagelet.data.imageset import ImageSet
from imagelet.data.official import cifar
from imagelet.data.official.cifar import BATCHES, BINARY, PYTHON, Form
from imagelet.errors import DataError
from tests.conftest import CIFAR_BATCHES, cifar_batch, cifar_file, make_images, write_tar

Write = Callable[[str], Path]
LAYOUTS = ("bin", "py", "binary.tar.gz", "python.tar.gz")


def read(layout: str, data: Path, part: str = "train") -> ImageSet:
    form = BINARY if layout.startswith("bin") else PYTHON
    if layout.endswith(".tar.gz"):
        return cifar.read_archive(form, data / form.archive, part)
    return cifar.read_batches(form, data / form.folder, part)


def broken(layout: str, data: Path, part: str = "train") -> str:
    """Return what reading complains of, after checking what every such error must say."""
    with pytest.raises(DataError) as caught:
        read(layout, data, part)
    assert str(data) in caught.value.message
    assert "\n" not in caught.value.message
    assert "imagelet data get cifar-10" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_images_in_order(layout: str, cifar_folder: Write) -> None:
    data = cifar_folder(layout)
    for part, seeds in (("train", range(5)), ("test", [5])):
        batches = [make_images(20, 32, 3, seed) for seed in seeds]
        images = read(layout, data, part)
        assert np.array_equal(images.images, np.concatenate([pixels for pixels, _ in batches]))
        assert images.labels.tolist() == [int(label) for _, labels in batches for label in labels]
        assert images.classes[:2] == ("airplane", "automobile")


@pytest.mark.parametrize("layout", ["bin", "py"])
def test_the_training_part_needs_no_test_file(layout: str, cifar_folder: Write) -> None:
    data = cifar_folder(layout)
    (test_file,) = data.glob("*/test_batch*")
    test_file.unlink()
    assert len(read(layout, data)) == 100
    assert "is missing" in broken(layout, data, "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], "61459 bytes, which is not a whole number of records of 3073"),
        (lambda content: content + b"0", "not a whole number of records"),
        (lambda content: b"", "holds no images"),
        (lambda content: b"\x0a" + content[1:], "holds the label 10; they are 0 to 9"),
    ],
)
def test_refuses_a_damaged_binary_batch(
    cifar_folder: Write, change: Callable[[bytes], bytes], message: str
) -> None:
    data = cifar_folder("bin")
    path = data / "cifar-10-batches-bin" / "data_batch_3.bin"
    path.write_bytes(change(path.read_bytes()))
    said = broken("bin", data)
    assert said.startswith("data_batch_3.bin ")
    assert message in said


@pytest.mark.parametrize("layout", ["bin", "py"])
def test_refuses_a_batch_that_is_too_large(
    layout: str, cifar_folder: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar, "LARGEST_BATCH", 60_000)
    assert "data_batch_1" in (said := broken(layout, cifar_folder(layout)))
    assert "has more than 60,000 bytes" in said


def test_names_a_batch_that_is_missing(cifar_folder: Write) -> None:
    data = cifar_folder("bin")
    (data / "cifar-10-batches-bin" / "data_batch_4.bin").unlink()
    assert broken("bin", data).startswith("data_batch_4.bin is missing")


class TestArchive:
    @pytest.fixture(params=[BINARY, PYTHON], ids=["binary", "python"])
    def form(self, request: pytest.FixtureRequest) -> Form:
        return request.param

    def write(self, form: Form, data: Path, **changes: bytes | None) -> None:
        kind = "bin" if form is BINARY else "py"
        members: dict[str, bytes | None] = {
            name + form.suffix: cifar_file(name, kind) for name in CIFAR_BATCHES
        }
        members |= {name + form.suffix: content for name, content in changes.items()}
        kept = {f"{form.folder}/{name}": content for name, content in members.items() if content is not None}
        write_tar(data / form.archive, kept)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
    def test_refuses_a_truncated_one(self, form: Form, share: float, tmp_path: Path) -> None:
        self.write(form, tmp_path)
        path = tmp_path / form.archive
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        assert "is not a whole .tar.gz file" in broken(form.archive[9:], tmp_path)

    def test_refuses_one_with_a_wrong_checksum(self, form: Form, tmp_path: Path) -> None:
        self.write(form, tmp_path)
        path = tmp_path / form.archive
        content = bytearray(path.read_bytes())
        content[-6] ^= 1
        path.write_bytes(content)
        assert "is not a whole .tar.gz file" in broken(form.archive[9:], tmp_path)

    @pytest.mark.parametrize(
        "content", [b"", b"<html></html>", gzip.compress(b"not a tar file" * 100, mtime=0)]
    )
    def test_refuses_something_else(self, form: Form, content: bytes, tmp_path: Path) -> None:
        (tmp_path / form.archive).write_bytes(content)
        said = broken(form.archive[9:], tmp_path)
        assert "is not a whole .tar.gz file" in said or "does not hold" in said

    def test_names_a_member_that_is_missing(self, form: Form, tmp_path: Path) -> None:
        self.write(form, tmp_path, data_batch_2=None)
        said = broken(form.archive[9:], tmp_path)
        assert f"does not hold {form.folder}/data_batch_2{form.suffix}" in said

    def test_names_a_member_that_is_damaged(self, form: Form, tmp_path: Path) -> None:
        self.write(form, tmp_path, data_batch_5=b"damaged")
        said = broken(form.archive[9:], tmp_path)
        assert f"holds a {form.folder}/data_batch_5{form.suffix} that" in said

    def test_does_not_read_a_member_that_is_too_large(
        self, form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.write(form, tmp_path)
        monkeypatch.setattr(cifar, "LARGEST_BATCH", 60_000)
        assert "does not hold" in broken(form.archive[9:], tmp_path)

    def test_unpacks_no_more_than_official_archives_do(
        self, form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.write(form, tmp_path)
        monkeypatch.setattr(cifar, "LARGEST_ARCHIVE", 450_000)
        assert len(read(form.archive[9:], tmp_path)) == 100
        monkeypatch.setattr(cifar, "LARGEST_ARCHIVE", 300_000)
        assert "unpacks to more than 300,000 bytes" in broken(form.archive[9:], tmp_path)

    @pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
    def test_reads_no_header_without_end(
        self, form: Form, kind: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cifar, "LARGEST_ARCHIVE", 1_000_000)
        header = tarfile.TarInfo("header")
        header.type, header.size = kind, 1 << 33
        (tmp_path / form.archive).write_bytes(
            gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(2_000_000))
        )
        assert "unpacks to more than 1,000,000 bytes" in broken(form.archive[9:], tmp_path)

    @pytest.mark.parametrize("name", ["README", "test_batch"])
    def test_does_not_look_for_the_end_of_a_member_that_no_file_holds(
        self, form: Form, name: str, tmp_path: Path
    ) -> None:
        header = tarfile.TarInfo(f"{form.folder}/{name}{form.suffix}")
        header.size = 0x7F7F7F7F7F7F7F7F
        (tmp_path / form.archive).write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)))
        assert "of 9,187,201,950,435,737,471 bytes" in broken(form.archive[9:], tmp_path)

    def test_reads_no_member_that_is_larger_than_its_content(self, form: Form, tmp_path: Path) -> None:
        member = tarfile.TarInfo(f"{form.folder}/data_batch_1{form.suffix}")
        member.type = tarfile.GNUTYPE_SPARSE
        header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
        header[483:495] = b"%011o\0" % (1 << 25)
        header[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(header))[0]
        (tmp_path / form.archive).write_bytes(gzip.compress(bytes(header) + bytes(1024)))
        with tarfile.open(tmp_path / form.archive) as tar:
            assert tar.next().size == 1 << 25
        assert "does not hold" in broken(form.archive[9:], tmp_path)

    def test_has_no_more_members_than_official_archives_need(
        self, form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.write(form, tmp_path)
        monkeypatch.setattr(cifar, "MOST_MEMBERS", 6)
        assert len(read(form.archive[9:], tmp_path)) == 100
        monkeypatch.setattr(cifar, "MOST_MEMBERS", 5)
        assert "has over 5 members" in broken(form.archive[9:], tmp_path)

    def test_needs_no_test_batch_for_training(self, form: Form, tmp_path: Path) -> None:
        self.write(form, tmp_path, test_batch=None)
        assert len(cifar.read_archive(form, tmp_path / form.archive, "train")) == 100
        assert "does not hold" in broken(form.archive[9:], tmp_path, "test")

    def test_writes_nothing_and_follows_no_path_or_link(self, form: Form, tmp_path: Path) -> None:
        data = tmp_path / "inside"
        data.mkdir()
        self.write(form, data)
        wanted = f"{form.folder}/data_batch_1{form.suffix}"
        with tarfile.open(data / form.archive, "w:gz") as archive:
            for name in ("../escaped", "/tmp/escaped", f"../{wanted}"):
                member = tarfile.TarInfo(name)
                member.size = 3
                archive.addfile(member, io.BytesIO(b"bad"))
            link = tarfile.TarInfo(wanted)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        assert f"does not hold {wanted}" in broken(form.archive[9:], data)
        assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["inside", form.archive])

    def test_is_missing_or_a_folder(self, form: Form, tmp_path: Path) -> None:
        assert f"{form.archive} is missing" in broken(form.archive[9:], tmp_path)
        (tmp_path / form.archive).mkdir()
        assert f"{form.archive} cannot be read" in broken(form.archive[9:], tmp_path)


# -- pickles -----------------------------------------------------------------------------------------------


class Hostile:
    """Pickled as a call of ``function`` with ``values``."""

    def __init__(self, function: Any, *values: Any) -> None:
        self.call = function, values

    def __reduce__(self) -> Any:
        return self.call


def batch(**changes: Any) -> dict[bytes, Any]:
    pixels, labels = cifar_batch("data_batch_1")
    fields = {"data": pixels, "labels": labels.tolist(), **changes}
    return {name.encode(): value for name, value in fields.items()}


def decode(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    return PYTHON.decode(content)


class TestPickle:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_is_read_in_every_protocol(self, protocol: int) -> None:
        pixels, labels = decode(pickle.dumps(batch(filenames=[b"a.png"] * 20), protocol))
        assert np.array_equal(pixels, cifar_batch("data_batch_1")[0])
        assert labels.tolist() == cifar_batch("data_batch_1")[1].tolist()

    def test_is_read_as_python_2_and_an_old_numpy_wrote_it(self) -> None:
        pixels, labels = cifar_batch("data_batch_1")
        content = (
            b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04"
            b"K\x00\x85U\x01b\x87Rq\x05(K\x01K\x14M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07"
            b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
            + len(pixels.tobytes()).to_bytes(4, "little")
            + pixels.tobytes()
            + b"tbU\x06labelsq\x08]q\x09("
            + b"".join(b"K" + bytes([label]) for label in labels)
            + b"eu."
        )
        read_pixels, read_labels = decode(content)
        assert np.array_equal(read_pixels, pixels)
        assert read_labels.tolist() == labels.tolist()
        true_pickle = pickle.loads(content, encoding="bytes")  # noqa: S301
        assert np.array_equal(true_pickle[b"data"], pixels)

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("where", ["instead", "data", "labels", "beside"])
    def test_never_runs_what_it_names(self, where: str, protocol: int, tmp_path: Path) -> None:
        victim = tmp_path / "created"
        hostile = Hostile(Path.touch, victim)
        content: Any = {
            "instead": hostile,
            "data": batch(data=hostile),
            "labels": batch(labels=[hostile]),
            "beside": batch(more=hostile),
        }[where]
        with pytest.raises(ValueError, match="which no CIFAR file needs"):
            decode(pickle.dumps(content, protocol))
        assert not victim.exists()
        pickle.loads(pickle.dumps(content, protocol))  # noqa: S301
        assert victim.exists()  # so the pickle was hostile indeed

    @pytest.mark.parametrize(
        "function",
        [eval, exec, getattr, __import__, open, print, np.load, np.fromfile, codecs.open, bytearray, object],
    )
    def test_admits_no_other_function(self, function: Any) -> None:
        with pytest.raises(ValueError, match=r"asks for .* which no CIFAR file needs"):
            decode(pickle.dumps(batch(more=Hostile(function, "1"))))

    @pytest.mark.parametrize(
        "name",
        [b"numpy\nload", b"numpy\nndarray.tofile", b"numpy.core.multiarray\nfromfile", b"_codecs\nopen"],
    )
    def test_admits_nothing_beside_the_admitted(self, name: bytes) -> None:
        with pytest.raises(ValueError, match="which no CIFAR file needs"):
            decode(b"\x80\x04c" + name + b"\n.")

    @pytest.mark.parametrize(
        "state", [b"}X\x09\x00\x00\x00_functionNs", b"N}X\x09\x00\x00\x00_functionNs\x86"]
    )
    def test_cannot_change_what_it_names(self, state: bytes) -> None:
        with pytest.raises(ValueError, match="sets an attribute"):
            decode(b"\x80\x02c_codecs\nencode\n" + state + b"b.")

    def test_encodes_nothing_but_bytes_written_as_text(self) -> None:
        with pytest.raises(ValueError, match="encodes something"):
            decode(pickle.dumps(batch(more=Hostile(codecs.encode, "x", "rot13")), 2))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"data": None}, "does not hold 'data' and 'labels'"),
            ({"data": b"bytes"}, "does not hold 'data' and 'labels'"),
            ({"labels": None}, "does not hold 'data' and 'labels'"),
            ({"data": np.zeros((20, 3072), np.int8)}, "not of plain bytes"),
            ({"data": np.zeros((20, 3072), np.float32)}, "not of plain bytes"),
            ({"data": np.array([[None]])}, "not of plain bytes"),
            ({"data": np.asfortranarray(np.zeros((20, 3072), np.uint8))}, "not of plain bytes"),
            ({"data": np.zeros((20, 3071), np.uint8)}, r"shape \(20, 3071\)"),
            ({"data": np.zeros((19, 3072), np.uint8)}, "for 20 labels"),
            ({"data": np.zeros(20 * 3072, np.uint8)}, "for 20 labels"),
            ({"labels": ["0"] * 20}, "labels that are not whole numbers"),
            ({"labels": [True] * 20}, "labels that are not whole numbers"),
            ({"labels": [-1] * 20}, "labels that are not whole numbers"),
            ({"labels": [256] * 20}, "labels that are not whole numbers"),
        ],
    )
    def test_refuses_another_content(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            decode(pickle.dumps(batch(**changes), 2))

    def test_refuses_a_shape_that_is_not_its_length(self) -> None:
        content = pickle.dumps(batch(), 2)
        shape = b"K\x14M\x00\x0c\x86"  # (20, 3072)
        assert shape in content
        for wrong in (
            b"K\x15M\x00\x0c\x86",
            b"K\x14J\xff\xff\xff\x7f\x86",
            b"K\x14J\xff\xff\xff\xff\x86",
            b"NN\x86",
        ):
            with pytest.raises(ValueError, match=r"an array (whose shape is not its length|without a shape)"):
                decode(content.replace(shape, wrong))

    def test_refuses_damaged_bytes_whatever_they_are(self) -> None:
        content = pickle.dumps(batch(), 2)
        generator = np.random.default_rng(0)
        for _ in range(300):
            damaged = bytearray(content[: generator.integers(1, len(content))])
            for position in generator.integers(0, min(len(damaged), 400), 3):
                damaged[position] = generator.integers(0, 256)
            with pytest.raises(ValueError):  # noqa: PT011 any sentence will do, nothing else may come
                decode(bytes(damaged))

    @pytest.mark.parametrize(
        "instructions",
        [
            b"Nr\x00\x00\x00\x08.",  # a memo of 2^27 places
            b"Nr\xff\xff\xff\xff.",
            b"Np4294967295\n.",
            b"B\xff\xff\xff\x7f.",  # bytes,
            b"T\xff\xff\xff\x7f.",  # text of Python 2,
            b"X\xff\xff\xff\xff.",  # text
            b"\x8e" + b"\xff\xff\xff\xff\xff\x00\x00\x00.",  # and with lengths of eight bytes,
            b"\x8d" + b"\xff\xff\xff\xff\xff\x00\x00\x00.",
            b"\x96" + b"\xff\xff\xff\xff\xff\xff\xff\x7f.",
            b"\x8b\xff\xff\xff\x7f.",  # a whole number
            b"\x95" + b"\xff\xff\xff\xff\xff\x00\x00\x00N.",  # a frame
            b"(" * 100_000 + b".",
            b"N" + b"\x85" * 100_000 + b".",  # tuples, each in the next
            b"}N" + b"\x85" * 100_000 + b"Ns.",  # as a key
            b"]" + b"]a" * 100_000 + b".",
            b"X\x00\x00\x10\x00"
            + b"x" * (1 << 20)
            + b"\x94"
            + b"c_codecs\nencode\nh\x00U\x06latin1\x86R" * 1000
            + b".",
            b"}" * (1 << 18) + b".",
            b"",
            b"\x80",
            b"0.",
            b"].",
            b"\x00" * 100,
        ],
        ids=lambda instructions: f"{instructions[:12]!r} and {len(instructions)}",
    )
    def test_takes_no_more_memory_than_it_has_bytes(self, instructions: bytes) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=r"pickle|instruction|encodes more|does not hold 'data'"):
                decode(b"\x80\x02" + instructions)
            assert tracemalloc.get_traced_memory()[1] < 1 << 25
        finally:
            tracemalloc.stop()

    def test_shows_a_name_without_what_a_terminal_would_obey(self) -> None:
        with pytest.raises(ValueError, match=r"asks for 'os\.\\x1b\[2Jsystem', which"):
            decode(b"\x80\x04\x8c\x02os\x8c\x0a\x1b[2Jsystem\x93.")

    def test_is_named_with_its_file(self, cifar_folder: Write) -> None:
        data = cifar_folder("py")
        path = data / "cifar-10-batches-py" / "data_batch_2"
        path.write_bytes(pickle.dumps(Hostile(print, "hello")))
        assert "data_batch_2 asks for builtins.print" in broken("py", data)
        path.write_bytes(pickle.dumps(batch(labels=[10] * 20)))
        assert "data_batch_2 holds the label 10; they are 0 to 9" in broken("py", data)


def test_the_archives_have_two_mirrors_and_the_checksums_that_others_publish() -> None:
    binary, python = (cifar.archive_files(form)[0] for form in (BINARY, PYTHON))
    assert binary.sha256 == "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    assert python.sha256 == "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    for file in (binary, python):
        assert len({mirror.split("/")[2] for mirror in file.mirrors}) >= 2
        assert file.parts == ("train", "test")


@pytest.mark.slow
@pytest.mark.realdata
def test_the_official_files_are_read(real_data: Path) -> None:
    dataset = load_dataset("cifar-10")
    assert dataset.train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert dataset.train.counts().tolist() == [5000] * 10
    assert dataset.test.counts().tolist() == [1000] * 10
    means = dataset.train.images.mean(axis=(0, 1, 2)) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)  # the means that everyone quotes
    assert dataset.test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert len(BATCHES["train"]) == 5
