"""Names, folders and files: what is opened, where it is found, how it is brought."""

import dataclasses
import gzip
import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagelet import paths
from imagelet.data import Dataset, found_files, get_dataset_files, load_dataset, place_of
from imagelet.data.datasets import namesake
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.official.digits import DIGITS
from imagelet.errors import DataError, DownloadError, SettingError, UnknownNameError
from imagelet.preprocessing.picture_files import PictureFolder
from tests.conftest import FileServer

Write = Callable[[str], Path]
LAYOUTS = {
    "bin": "cifar-10-batches-bin",
    "py": "cifar-10-batches-py",
    "binary.tar.gz": "cifar-10-binary.tar.gz",
    "python.tar.gz": "cifar-10-python.tar.gz",
}


def kept() -> list[str]:
    folder = paths.downloads()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def served(idx_folder: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """Let the local server be the only mirror of ``mnist``, whose files are the small ones."""
    known = datasets.get("mnist")
    files = []
    for file in known.layouts[0].files:
        content = (idx_folder / file.path).read_bytes()
        file_server.files[file.path] = content
        files.append(
            dataclasses.replace(
                file,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                mirrors=(f"{file_server.url}/{file.path}",),
            )
        )
    layout = dataclasses.replace(known.layouts[0], files=tuple(files))
    monkeypatch.setitem(datasets._things, "mnist", dataclasses.replace(known, layouts=(layout,)))
    return file_server


class TestLoad:
    def test_says_which_name_is_nearest_and_that_a_folder_may_be_given(self) -> None:
        with pytest.raises(UnknownNameError, match="unknown dataset 'mnsit'; did you mean 'mnist'") as caught:
            load_dataset("mnsit")
        assert "one subfolder a class" in caught.value.hint
        assert "imagelet data list" in caught.value.hint

    @pytest.mark.parametrize(
        "name", ["./mnist", "no/such/folder", Path("mnist"), ".nothing/", "~/no-such-folder"]
    )
    def test_takes_a_path_for_a_folder(self, name: str | Path) -> None:
        with pytest.raises(DataError, match="is not there; a folder with one subfolder a class"):
            load_dataset(name)

    def test_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "cat.png").write_bytes(b"")
        with pytest.raises(
            DataError, match=r"cat\.png' is of no form that is read: it looks like a file of 0"
        ):
            load_dataset(tmp_path / "cat.png")

    def test_says_what_a_file_looks_like_and_what_to_save_it_as(self, tmp_path: Path) -> None:
        (tmp_path / "data.pkl").write_bytes(pickle.dumps({"x": np.zeros(3)}))
        with pytest.raises(
            DataError, match=r"of no form that is read: it looks like a Python pickle"
        ) as refused:
            load_dataset(tmp_path / "data.pkl")
        assert "numpy.savez('data.npz', x_train=images, y_train=labels)" in refused.value.hint
        assert "imagelet data formats" in refused.value.hint
        (tmp_path / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        with pytest.raises(DataError, match="is one picture") as refused:
            load_dataset(tmp_path / "cat.png")
        assert "imagelet predict RUN" in refused.value.hint

    def test_of_a_name_that_lies_here_as_well_says_which_is_meant(
        self, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert namesake("digits") is None
        (tmp_path / "digits").mkdir()
        told = namesake("digits")
        assert str(told).startswith("'digits' is the dataset that comes with imagelet; what lies here")
        assert str(told).endswith(" is typed ./digits")
        assert namesake("./digits") is namesake(Path("digits")) is namesake("nothing") is None
        monkeypatch.chdir(small_data)
        assert namesake("mnist") is None  # the folder of the official files

    @pytest.mark.parametrize(
        ("options", "passed"),
        [
            (
                {},
                {"shape": None, "framing_kind": "fit", "framing": None, "progress": None, "skip_bad": False},
            ),
            (
                {"shape": (8, 8, 3), "framing_kind": "crop", "progress": print, "skip_bad": True},
                {
                    **{"shape": (8, 8, 3), "framing_kind": "crop", "framing": None},
                    **{"progress": print, "skip_bad": True},
                },
            ),
        ],
    )
    def test_hands_a_folder_on_with_its_options(
        self,
        options: dict[str, Any],
        passed: dict[str, Any],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        seen: list[Any] = []

        dataset = load_dataset("digits")

        def load_folder(folder: PictureFolder, **values: Any) -> Dataset:
            seen.append((folder.path, values))
            return dataset

        monkeypatch.setattr("imagelet.data.pictures.dataset.load_folder", load_folder)
        assert load_dataset(tmp_path, **options) is dataset
        (tmp_path / "pets").mkdir()
        monkeypatch.chdir(tmp_path)
        assert load_dataset("pets", **options) is dataset
        assert seen == [(tmp_path, passed), (Path("pets"), passed)]

    def test_prefers_a_registered_name_to_a_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "digits").mkdir()
        monkeypatch.chdir(tmp_path)
        assert load_dataset("digits").place == "scikit-learn"

    def test_leaves_shape_and_framing_to_folders(self) -> None:
        for option in ({"shape": (8, 8, 1)}, {"framing_kind": "crop"}):
            with pytest.raises(SettingError, match="'digits' has a shape and a framing of its own"):
                load_dataset("digits", **option)  # type: ignore[arg-type]

    def test_reads_nothing_when_it_opens(self, small_data: Path) -> None:
        for path in (small_data / "mnist").iterdir():
            path.write_bytes(b"damaged")
        dataset = load_dataset("mnist")
        assert (dataset.place, dataset.shape) == (str(small_data / "mnist"), (28, 28, 1))
        with pytest.raises(DataError):
            _ = dataset.train

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_finds_every_layout_of_cifar_10(
        self, layout: str, cifar_folder: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IMAGELET_DATA", str(cifar_folder(layout)))
        dataset = load_dataset("cifar-10")
        assert Path(dataset.place) == place_of("cifar-10")
        assert Path(dataset.place).name == LAYOUTS[layout]
        assert (len(dataset.train), len(dataset.test)) == (100, 20)

    def test_says_which_file_a_data_folder_lacks(self, small_data: Path, served: FileServer) -> None:
        (small_data / "mnist" / "train-labels-idx1-ubyte.gz").unlink()
        with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is missing: .*idx-data"):
            _ = load_dataset("mnist").train
        assert served.requests == []

    def test_downloads_a_part_when_it_is_asked_for(self, served: FileServer) -> None:
        seen: list[tuple[int, int | None]] = []
        dataset = load_dataset("mnist", progress=lambda done, total: seen.append((done, total)))
        assert dataset.place == f"to be downloaded to {paths.downloads()}"
        assert served.requests == []
        assert len(dataset.train) == 300
        assert kept() == ["mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz"]
        assert seen[-1][0] == seen[-1][1]
        assert len(dataset.test) == 100
        assert len(kept()) == 4
        assert load_dataset("mnist").place == str(paths.downloads() / "mnist") == str(place_of("mnist"))

    def test_downloads_what_the_cache_lacks(self, served: FileServer) -> None:
        _ = load_dataset("mnist").train
        (paths.downloads() / "mnist" / "train-labels-idx1-ubyte.gz").unlink()
        assert len(load_dataset("mnist").train) == 300
        assert [path for path, _ in served.requests].count("mnist/train-images-idx3-ubyte.gz") == 1

    def test_says_what_to_do_without_a_network(self) -> None:
        for name in ("mnist", "fashion-mnist", "cifar-10"):
            with pytest.raises(
                DownloadError, match=r"no mirror gave .*no connection;.*no connection"
            ) as caught:
                _ = load_dataset(name).train
            assert f"imagelet data get {name} --from DIR" in caught.value.hint
            assert kept() == []


class TestFound:
    def test_files_are_named_with_their_hashes(self, small_data: Path) -> None:
        files = found_files("mnist")
        assert [file.name for file in files] == sorted(
            (file.name for file in files), key=lambda n: "t10k" in n
        )
        for file in files:
            content = (small_data / file.name).read_bytes()
            assert (file.path, file.size) == (small_data / file.name, len(content))
            assert file.sha256 == hashlib.sha256(content).hexdigest()
            assert file.official is False

    def test_official_files_are_known(self, served: FileServer, small_data: Path) -> None:
        assert [file.official for file in found_files("mnist")] == [True] * 4

    def test_nothing_is_found_where_nothing_is(self) -> None:
        for name in ("mnist", "cifar-10"):
            assert found_files(name) == ()
            assert place_of(name) is None

    def test_a_folder_without_test_files_has_a_place(self, small_data: Path) -> None:
        for path in (small_data / "mnist").glob("t10k*"):
            path.unlink()
        assert place_of("mnist") == small_data / "mnist"
        assert len(found_files("mnist")) == 2

    def test_a_file_that_cannot_be_read_is_named(
        self, small_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path) -> str:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("imagelet.data.layouts.sha256_of", refuse)
        with pytest.raises(DataError, match=r"idx3-ubyte\.gz cannot be read \(Permission denied\)"):
            found_files("mnist")

    def test_an_unknown_name_is_refused(self) -> None:
        for function in (place_of, found_files, get_dataset_files):
            with pytest.raises(UnknownNameError):
                function("mnsit")

    @pytest.mark.realdata
    def test_the_official_files_are_official(self, real_data: Path) -> None:
        assert [file.official for file in found_files("mnist")] == [True] * 4
        assert [file.official for file in found_files("fashion-mnist")] == [True] * 4
        assert [file.official for file in found_files("cifar-10")][:5] == [True] * 5


class TestGetFromAFolder:
    @pytest.mark.parametrize("inside", [True, False])
    def test_copies_what_was_read(self, idx_folder: Path, tmp_path: Path, inside: bool) -> None:
        source = idx_folder
        if inside:
            source = (idx_folder / "mnist").rename(tmp_path / "a stick")
        seen: list[tuple[int, int | None]] = []
        (paths.downloads() / "mnist").mkdir(parents=True)
        (paths.downloads() / "mnist" / "t10k-labels-idx1-ubyte.gz.part").write_bytes(b"of a broken download")
        files = get_dataset_files("mnist", source, lambda done, total: seen.append((done, total)))
        assert [file.path for file in files] == [paths.downloads() / file.name for file in files]
        assert len(load_dataset("mnist").train) == 300
        assert len(kept()) == 4
        assert [done for done, total in seen if done == total] == [file.size for file in files]

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_takes_every_layout_of_cifar_10(self, layout: str, cifar_folder: Write) -> None:
        source = cifar_folder(layout)
        get_dataset_files("cifar-10", source)
        shutil.rmtree(source)
        assert len(load_dataset("cifar-10").test) == 20
        assert place_of("cifar-10") == paths.downloads() / LAYOUTS[layout]

    def test_keeps_nothing_of_a_damaged_set(self, idx_folder: Path) -> None:
        path = idx_folder / "mnist" / "t10k-labels-idx1-ubyte.gz"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is not a whole gzip file"):
            get_dataset_files("mnist", idx_folder)
        assert kept() == []

    def test_refuses_an_unpacked_file_of_the_official_length_with_another_content(
        self, cifar_folder: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = cifar_folder("bin")
        known = datasets.get("cifar-10")
        unpacked = known.layouts[1]
        files = tuple(
            dataclasses.replace(file, size=len(content), sha256=hashlib.sha256(content).hexdigest())
            for file in unpacked.files
            for content in [(source / file.path).read_bytes()]
        )
        layouts = (known.layouts[0], dataclasses.replace(unpacked, files=files))
        monkeypatch.setitem(datasets._things, "cifar-10", dataclasses.replace(known, layouts=layouts))
        path = source / "cifar-10-batches-bin" / "data_batch_2.bin"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(
            DataError, match=r"data_batch_2\.bin has the official length but not the official"
        ):
            get_dataset_files("cifar-10", source)
        assert kept() == []
        path.write_bytes(content)
        assert all(file.official for file in get_dataset_files("cifar-10", source))

    def test_takes_files_that_were_compressed_anew_and_says_that_they_are_not_the_official_ones(
        self, idx_folder: Path, served: FileServer
    ) -> None:
        for path in (idx_folder / "mnist").iterdir():
            path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
        assert not any(file.official for file in get_dataset_files("mnist", idx_folder))
        assert len(load_dataset("mnist").train) == 300

    def test_says_what_a_folder_lacks(self, idx_folder: Path, tmp_path: Path) -> None:
        (idx_folder / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
        with pytest.raises(DataError, match=r"does not hold mnist: it needs .*t10k-labels-idx1-ubyte\.gz"):
            get_dataset_files("mnist", idx_folder)
        with pytest.raises(DataError, match="nowhere' is not a folder"):
            get_dataset_files("mnist", tmp_path / "nowhere")
        assert kept() == []

    @pytest.mark.realdata
    def test_takes_the_real_ones(self, real_data: Path) -> None:
        assert all(file.official for file in get_dataset_files("mnist", real_data))


class TestGetFromMirrors:
    def test_downloads_all_files_once(self, served: FileServer) -> None:
        for _ in range(2):
            files = get_dataset_files("mnist")
            assert [file.official for file in files] == [True] * 4
            assert len(kept()) == len(served.requests) == 4

    def test_leaves_what_is_in_a_data_folder(self, served: FileServer, small_data: Path) -> None:
        assert {file.path.parent for file in get_dataset_files("mnist")} == {small_data / "mnist"}
        assert served.requests == []

    def test_downloads_only_the_part_that_is_missing(self, served: FileServer, small_data: Path) -> None:
        for path in (small_data / "mnist").glob("t10k*"):
            path.unlink()
        assert len(get_dataset_files("mnist")) == 4
        assert sorted(path for path, _ in served.requests) == kept()
        assert all("t10k" in name for name in kept())

    def test_replaces_a_damaged_file_in_the_cache(self, served: FileServer) -> None:
        get_dataset_files("mnist")
        path = paths.downloads() / "mnist" / "train-labels-idx1-ubyte.gz"
        path.write_bytes(b"damaged")
        with pytest.raises(DataError, match="whole gzip file") as caught:
            _ = load_dataset("mnist").train
        assert caught.value.hint == "imagelet data get mnist replaces it"
        get_dataset_files("mnist")
        assert len(load_dataset("mnist").train) == 300
        assert len(served.requests) == 5

    def test_has_nothing_to_do_for_the_built_in_digits(self, tmp_path: Path) -> None:
        assert get_dataset_files("digits") == found_files("digits") == get_dataset_files("digits", tmp_path)


def test_a_known_dataset_needs_one_way_to_be_opened() -> None:
    with pytest.raises(ValueError, match="'digits' needs either"):
        KnownDataset(DIGITS, {"train": 1})
    with pytest.raises(ValueError, match="'digits' needs either"):
        KnownDataset(DIGITS, {}, datasets.get("mnist").layouts, load=lambda: load_dataset("digits"))


def test_another_package_can_add_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_things", dict(datasets._things))
    card = dataclasses.replace(DIGITS, name="theirs")
    datasets.add("theirs", KnownDataset(card, {"train": 1437}, load=lambda: load_dataset("digits")))
    assert np.array_equal(load_dataset("theirs").train.labels, load_dataset("digits").train.labels)
    assert place_of("theirs") is None
