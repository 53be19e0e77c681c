"""Archives of pictures: as if they were unpacked, and nothing leads out of them or blows them up."""

import io
import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imagelet.data import load_dataset
from imagelet.data.checking import check
from imagelet.data.imageset import Dataset
from imagelet.data.pictures import archive_formats
from imagelet.data.pictures.archive import open_archive
from imagelet.data.pictures.archive_formats import is_tar, is_zip, list_archive, read_member
from imagelet.data.pictures.dataset import list_labelled, read_labelled
from imagelet.errors import DataError, PictureError
from imagelet.preprocessing import Framing

Files = dict[str, bytes]
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")


def png(number: int, side: int = 8) -> bytes:
    """Return a grey picture, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def classes(count: int = 6, prefix: str = "") -> Files:
    return {
        f"{prefix}{label}/{number}.png": png(1000 * place + number)
        for place, label in enumerate(("2", "10", "cat"))
        for number in range(count)
    }


def parted() -> Files:
    return {name: content for part in ("train", "val", "test") for name, content in parted_as(part).items()}


def parted_as(part: str) -> Files:
    seed = {"train": 0, "val": 100, "test": 200}[part]
    return {
        f"{part}/{label}/{n}.png": png(seed + n + 50 * (label == "b")) for label in "ab" for n in range(6)
    }


def write(path: Path, files: Files) -> Path:
    """Write files as what the path's suffix says: a folder, a zip or a tar archive."""
    if not path.suffix:
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        packing = {".gz": "gz", ".tgz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(path.suffix, "")
        with tarfile.open(path, f"w:{packing}") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


class Unmarked(zipfile.ZipInfo):
    """A member whose name is written as bytes, without saying in which encoding they are."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("cp437"), self.flag_bits & ~archive_formats.IS_UTF_8


def prints(dataset: Dataset) -> dict[str, str]:
    return {part: dataset.read(part).fingerprint() for part in dataset.parts}


class TestAreReadAsIfUnpacked:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    @pytest.mark.parametrize(
        "files", [classes(), parted(), classes(prefix="photos/"), classes(prefix="a/b/")]
    )
    def test_pixels_parts_classes_and_what_is_set_aside(
        self, suffix: str, files: Files, tmp_path: Path
    ) -> None:
        folder = load_dataset(write(tmp_path / "folder", files))
        archive = load_dataset(write(tmp_path / f"archive{suffix}", files))
        assert archive.classes == folder.classes
        assert prints(archive) == prints(folder)
        assert archive.card.name == "archive"
        assert not [path for path in tmp_path.rglob("*.png") if "folder" not in path.parts]

    @pytest.mark.slow
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_whatever_the_names_and_the_order_are(
        self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        place = tmp_path_factory.mktemp("archives")
        words = st.text("ab1 é.", min_size=1, max_size=4).map(str.strip).filter(lambda word: word.strip("."))
        names = data.draw(st.lists(words, min_size=4, max_size=12, unique_by=str.casefold))
        files = {
            f"{label}/{name}.png": png(place)
            for place, (label, name) in enumerate((label, name) for label in ("x", "y") for name in names)
        }
        folder = load_dataset(write(place / "folder", files))
        order = data.draw(st.permutations(list(files)))
        for suffix in (".zip", ".tar", ".tgz"):
            archive = load_dataset(write(place / f"it{suffix}", {name: files[name] for name in order}))
            assert prints(archive) == prints(folder)

    @pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
    def test_the_same_is_left_out_and_said(self, suffix: str, tmp_path: Path) -> None:
        more = {"cat/x.heic": b"?", "__MACOSX/cat/._1.png": b"?", "cat/.hidden.png": b"?", "notes.txt": b"?"}
        folder = load_dataset(write(tmp_path / "folder", classes() | more))
        archive = load_dataset(write(tmp_path / f"it{suffix}", classes() | more))
        assert archive.understood[1:] == folder.understood[1:]
        assert "left out: .heic (1, text), .txt (1, text)" in archive.understood[1]
        title = "archive of pictures (.zip, .tar, .tar.gz)"
        assert archive.understood[0] == f"{title}; train: {folder.understood[0]}"

    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
    def test_they_are_evaluated_on(self, suffix: str, tmp_path: Path) -> None:
        framing = Framing("fit", 8, 8, 1)
        for files in (classes(), parted(), classes(prefix="photos/")):
            folder = write(tmp_path / f"folder-{len(list(tmp_path.iterdir()))}", files)
            if "photos/2/0.png" in files:
                folder /= "photos"
            archive = write(tmp_path / f"it{suffix}", files)
            assert (
                read_labelled(archive, framing).fingerprint() == read_labelled(folder, framing).fingerprint()
            )
        assert str(list_labelled(archive).pictures[0]) == str(archive / "photos" / "2" / "0.png")

    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
    def test_they_are_checked(self, suffix: str, tmp_path: Path) -> None:
        files = classes() | {"cat/copy.png": png(0), "cat/bad.png": b"no picture", "cat/note.txt": b"?"}
        archive = write(tmp_path / f"it{suffix}", files)
        found = check(archive)
        assert [(problem.kind, problem.files) for problem in found] == [
            ("two labels", ("2/0.png", "cat/copy.png")),
            ("unreadable", ("cat/bad.png",)),
            ("left out", ("cat/note.txt",)),
        ]
        assert check(write(tmp_path / "folder", files))[0] == found[0]

    def test_what_a_mac_adds_beside_the_one_folder_is_passed_by(self, tmp_path: Path) -> None:
        files = classes(prefix="photos/") | {
            f"__MACOSX/photos/{label}/._0.png": b"?" for label in ("2", "10")
        }
        wanted = prints(load_dataset(write(tmp_path / "folder", classes())))
        assert prints(load_dataset(write(tmp_path / "it.zip", files))) == wanted

    @pytest.mark.parametrize(
        ("encoding", "names"),
        [
            ("utf-8", ("고양이", "강아지")),
            ("euc_kr", ("고양이", "강아지")),
            ("utf-8", ("café", "thé")),
            ("cp437", ("café", "thé")),
            ("utf-8", (unicodedata.normalize("NFD", "고양이"), "강아지")),
        ],
    )
    def test_names_of_a_zip_archive_are_those_that_were_typed(
        self, encoding: str, names: tuple[str, str], tmp_path: Path
    ) -> None:
        """Macs, Korean Windows and DOS do not say which encoding they use; Python takes all for DOS."""
        path = tmp_path / "it.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for label in names:
                for number in range(3):
                    info = Unmarked(f"{label}/{number}.png".encode(encoding).decode("cp437"))
                    archive.writestr(info, png(number + 10 * names.index(label)))
        assert set(load_dataset(path).classes) == {unicodedata.normalize("NFC", name) for name in names}

    def test_a_changed_archive_is_read_anew(self, tmp_path: Path) -> None:
        before = load_dataset(write(tmp_path / "it.zip", classes())).train.fingerprint()
        files = classes() | {"2/0.png": png(4711)}
        assert load_dataset(write(tmp_path / "it.zip", files)).train.fingerprint() != before

    def test_a_damaged_picture_is_named_and_what_tells_more(self, tmp_path: Path) -> None:
        archive = write(tmp_path / "it.zip", {**parted(), "train/a/1.png": b"damaged"})
        with pytest.raises(DataError, match=r"1 of 12 pictures in .*it\.zip.train' cannot be read") as caught:
            _ = load_dataset(archive).train
        assert "1.png' is not a PNG" in caught.value.message
        assert caught.value.hint == "save it as PNG or JPEG; --skip-bad leaves out what cannot be read"


class TestGuards:
    @pytest.mark.parametrize(
        "name", ["../out.png", "/etc/out.png", "a/../../out.png", "C:/out.png", "\\out.png"]
    )
    @pytest.mark.parametrize("suffix", [".zip", ".tar"])
    def test_names_that_lead_out_are_left_out(self, name: str, suffix: str, tmp_path: Path) -> None:
        dataset = load_dataset(write(tmp_path / f"it{suffix}", classes() | {name: png(1)}))
        assert sum(len(dataset.read(part)) for part in dataset.parts) == 18
        assert dataset.understood[1] == (
            "members of the archive that are links or whose names lead out of it, left out: 1."
        )

    def test_links_and_devices_are_left_out(self, tmp_path: Path) -> None:
        path = write(tmp_path / "it.tar", classes())
        with tarfile.open(path, "a") as archive:
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
                member = tarfile.TarInfo(f"cat/{kind.decode()}.png")
                member.type, member.linkname = kind, "/etc/passwd"
                archive.addfile(member)
        assert "left out: 4." in load_dataset(path).understood[1]
        assert [problem.message for problem in check(path)] == [load_dataset(path).understood[1]]
        path = write(tmp_path / "it.zip", classes())
        with zipfile.ZipFile(path, "a") as archive:
            link = zipfile.ZipInfo("cat/link.png")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")
        assert "left out: 1." in load_dataset(path).understood[1]

    def test_a_member_that_unpacks_to_more_than_a_picture_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open("a/1.png", "w") as file:
                for _ in range(17):
                    file.write(bytes(2**24))
            archive.writestr("b/1.png", png(1))
        stored = list_labelled(path).pictures[0]
        with pytest.raises(PictureError, match="has 285,212,672 bytes; at most 268,435,456 are read"):
            stored.open()

    def test_a_member_that_lies_about_its_size_gives_no_more(self, tmp_path: Path) -> None:
        path = write(tmp_path / "it.zip", {"a/1.png": bytes(10**6), "b/1.png": png(1)})
        content = path.read_bytes()
        path.write_bytes(content.replace(struct.pack("<I", 10**6), struct.pack("<I", 100)))
        stored = list_labelled(path).pictures[0]
        with pytest.raises(PictureError, match="has 101 of 100 bytes"):
            stored.open()

    def test_members_that_lie_over_each_other_are_refused(self, tmp_path: Path) -> None:
        """As in the zip bombs of D. Fifield: every entry quotes the same bytes."""
        path = tmp_path / "it.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/1.png", np.random.default_rng(0).bytes(10_000))
            for number in range(2, 50):
                info = zipfile.ZipInfo(f"a/{number}.png")
                for field in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                    setattr(info, field, getattr(archive.infolist()[0], field))
                archive.filelist.append(info)
        with pytest.raises(DataError, match="its members lie over each other"):
            open_archive(path)

    def test_a_password_and_other_packing_are_named(self, tmp_path: Path) -> None:
        path = write(tmp_path / "it.zip", classes())
        content = bytearray(path.read_bytes())
        place = content.index(archive_formats.ZIP_ENTRY)
        content[place + 8] |= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"2/0\.png is locked by a password"):
            load_dataset(path)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("a/1.png", png(1))
        with pytest.raises(DataError, match="packed in the way number 12, which is not read"):
            load_dataset(path)

    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
    def test_more_members_than_allowed_are_refused(
        self, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archive_formats, "MOST_MEMBERS", 10)
        with pytest.raises(DataError, match="more than 10 members"):
            load_dataset(write(tmp_path / f"it{suffix}", classes()))

    def test_a_packed_tar_that_unpacks_to_far_too_much_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archive_formats, "SMALLEST_LIMIT", 2**20)
        path = write(tmp_path / "it.tar.gz", {"a/1.png": bytes(2**25), "a/2.png": b""})
        with pytest.raises(DataError, match="too many for its size"):
            load_dataset(path)

    def test_a_tar_header_that_asks_for_gigabytes_gets_none(self, tmp_path: Path) -> None:
        member = tarfile.TarInfo("././@LongLink")
        member.type, member.size = tarfile.GNUTYPE_LONGNAME, 2**33
        path = tmp_path / "it.tar"
        path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
        with pytest.raises(DataError, match="takes 8,589,934,592 bytes"):
            load_dataset(path)

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_one_that_is_cut_short_gets_a_sentence(self, suffix: str, tmp_path: Path) -> None:
        whole = write(tmp_path / f"it{suffix}", classes()).read_bytes()
        path = tmp_path / f"cut{suffix}"
        for part in (0, 5, 40, 300, len(whole) // 2, 2048 if suffix == ".tar" else len(whole) - 30):
            path.write_bytes(whole[:part])
            with pytest.raises(DataError) as refused:
                prints(load_dataset(path))
            assert str(path) in refused.value.message
            assert "\n" not in refused.value.message


class TestReading:
    @pytest.fixture
    def packed(self, tmp_path: Path) -> Path:
        return write(tmp_path / "it.tar.gz", {f"{n}.png": bytes([n]) * 100 for n in range(200)})

    def test_any_order_gives_the_same(self, packed: Path) -> None:
        archive = list_archive(packed)
        for index in (5, 3, 4, 199, 0, 0, 198):
            member = archive.members[index]
            assert read_member(archive, member, "it") == bytes([index]) * 100

    def test_a_packed_tar_is_unpacked_once_for_a_pass(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = classes(40)
        names = sorted(files, key=lambda name: hash(name) % 97)
        path = write(tmp_path / "it.tar.gz", {name: files[name] for name in names})
        framing = Framing("fit", 8, 8, 1)
        begun: list[Path] = []
        contents = archive_formats._contents

        def count(path: Path, *rest: object) -> Iterator[tuple[int, bytes]]:
            begun.append(path)
            return contents(path, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(archive_formats, "_contents", count)
        assert len(read_labelled(path, framing)) == 120
        assert begun == [path]

    @pytest.mark.parametrize("name", ["it.zip", "it.bin", "it.tar", "it.tgz", "it.gz", "it.npz"])
    def test_are_known_by_suffix_or_content(self, name: str, tmp_path: Path) -> None:
        sources: dict[str, Callable[[Path], bool]] = {"zip": is_zip, "tar": is_tar, "tar.gz": is_tar}
        for suffix, known in sources.items():
            content = write(tmp_path / f"source.{suffix}", classes(1)).read_bytes()
            (tmp_path / name).write_bytes(content)
            assert known(tmp_path / name) or (name == "it.npz" and suffix == "zip")
        (tmp_path / "other.bin").write_bytes(b"\x1f\x8bno archive")
        assert not is_tar(tmp_path / "other.bin")
        assert not is_zip(tmp_path / "other.bin")
