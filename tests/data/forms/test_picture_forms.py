"""Every form of encoded pictures: the same pictures give the same images, labels and parts in all of them."""

import contextlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelet.data import load_dataset
from imagelet.data.checking import check
from imagelet.data.forms.form import PictureForm, form_of, forms
from imagelet.data.imageset import Dataset
from imagelet.data.pictures.dataset import read_labelled
from imagelet.errors import DataError, ImageletError
from imagelet.preprocessing import Framing
from tests.data.forms.writing import (
    WRITE,
    Pictures,
    encoded,
    parquet_of,
    tar_of,
    write_folder,
    write_parquet,
    write_tar,
    write_webdataset,
    write_zip,
)

pytest.importorskip("pyarrow", reason="pyarrow, of the extra formats, is not here")

EVERYWHERE: dict[str, Callable[[Path, Pictures], Path]] = {
    "zip": write_zip,
    "tar": write_tar,
    "tar.gz": partial(write_tar, suffix=".tar.gz"),
    "webdataset cls": write_webdataset,
    "webdataset txt": partial(write_webdataset, kind="txt"),
    "webdataset json": partial(write_webdataset, kind="json", suffix=".tar.gz"),
    "parquet record": write_parquet,
    "parquet bytes": partial(write_parquet, as_record=False),
    "parquet names": partial(write_parquet, as_class_label=False),
}


def made(parts: tuple[str, ...] = ("train", "test"), seed: int = 0, count: int = 18) -> Pictures:
    """Return grey pictures 8×8 of three classes, all different."""
    rng = np.random.default_rng(seed)
    return {
        part: [
            (label, encoded(rng.integers(0, 256, (8, 8), np.uint8)))
            for label in ("cat", "dog", "owl")
            for _ in range(count // 3)
        ]
        for part in parts
    }


def prints(dataset: Dataset) -> dict[str, str]:
    return {part: dataset.read(part).fingerprint() for part in dataset.parts}


def test_every_form_of_pictures_is_written() -> None:
    assert set(WRITE) == {name for name in forms if isinstance(forms.get(name), PictureForm)}


@pytest.mark.parametrize("name", list(WRITE))
def test_is_recognised_as_one_form(name: str, tmp_path: Path) -> None:
    path = WRITE[name](tmp_path, made())
    assert [form for form in forms if forms.get(form).recognises(path)] == [name]
    assert form_of(path) is forms.get(name)
    shards = [shard for shard in path.rglob("*") if shard.suffix in (".tar", ".parquet")]
    assert [form_of(shard) for shard in shards] == [forms.get(name)] * len(shards)
    dataset = load_dataset(path)
    assert (
        dataset.understood[0] == f"{forms.get(name).title}; train, test: 18 training pictures in 3 classes."
    )


@pytest.mark.parametrize("name", list(EVERYWHERE))
@pytest.mark.parametrize(
    "parts", [("train",), ("train", "test"), ("train", "validation", "test"), ("train", "validation")]
)
def test_the_same_pictures_are_the_same_dataset(name: str, parts: tuple[str, ...], tmp_path: Path) -> None:
    pictures = made(parts)
    folder = load_dataset(write_folder(tmp_path, pictures))
    other = load_dataset(EVERYWHERE[name](tmp_path, pictures))
    assert other.classes == folder.classes
    assert prints(other) == prints(folder)


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_pictures_are(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sizes, colours, formats, copies: what is set aside is the same pictures in every form."""
    place = tmp_path_factory.mktemp("forms")
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    classes = data.draw(st.lists(st.sampled_from("abcdxyz"), min_size=2, max_size=4, unique=True))
    several = []
    for label in sorted(classes):
        numbers = data.draw(st.lists(st.integers(0, 6), min_size=2, max_size=9))
        for number in [*numbers, 7, 8]:  # two at least differ
            shape = data.draw(st.sampled_from([(8, 8), (8, 8, 3), (9, 12)]))
            pixels = (
                rng.integers(0, 256, shape, np.uint8) // 8 * 8
                if number > 3
                else np.full(shape, number, np.uint8)
            )
            several.append((label, encoded(pixels, data.draw(st.sampled_from(["PNG", "BMP", "PPM"])))))
    pictures = {"train": several}
    try:
        wanted = prints(load_dataset(write_folder(place, pictures)))
    except DataError:
        return
    for write in (write_zip, EVERYWHERE["tar.gz"], EVERYWHERE["webdataset txt"], write_parquet):
        where = place / str(len(list(place.iterdir())))
        where.mkdir()
        assert prints(load_dataset(write(where, pictures))) == wanted


@pytest.mark.parametrize("name", list(EVERYWHERE))
def test_are_evaluated_on_and_checked(name: str, tmp_path: Path) -> None:
    framing = Framing("fit", 8, 8, 1)
    pictures = made()
    pictures["train"][3] = pictures["train"][0]
    path = EVERYWHERE[name](tmp_path, pictures)
    wanted = read_labelled(write_folder(tmp_path, pictures), framing)
    assert read_labelled(path, framing).fingerprint() == wanted.fingerprint()
    assert [problem.kind for problem in check(path)] == ["duplicate"]


@pytest.mark.parametrize("name", list(EVERYWHERE))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_one_raises_nothing_but_our_errors(
    name: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = EVERYWHERE[name](folder, made(count=6))
    file = data.draw(st.sampled_from(sorted(file for file in folder.rglob("*") if file.is_file())))
    content = bytearray(file.read_bytes())
    near = data.draw(st.integers(0, len(content) - 1))
    place = data.draw(st.sampled_from([near, near % 600, len(content) - 1 - near % 300]))
    match data.draw(st.sampled_from(["cut", "flip", "fill", "insert"])):
        case "cut":
            del content[place:]
        case "flip":
            content[place] ^= data.draw(st.integers(1, 255))
        case "fill":
            content[place : place + 8] = b"\xff" * 8
        case "insert":
            content[place:place] = data.draw(st.binary(max_size=20))
    file.write_bytes(content)
    with contextlib.suppress(ImageletError):
        prints(load_dataset(path))


@pytest.mark.parametrize("name", ["webdataset", "parquet"])
def test_shards_of_a_test_part_alone_are_evaluated_on_and_not_learned_from(name: str, tmp_path: Path) -> None:
    path = WRITE[name](tmp_path, made(("test",)))
    assert len(read_labelled(path, Framing("fit", 8, 8, 1))) == 18
    with pytest.raises(DataError, match="has test but no training part"):
        load_dataset(path)


@pytest.mark.parametrize("name", list(WRITE))
def test_one_class_is_too_few_to_learn_from(name: str, tmp_path: Path) -> None:
    path = WRITE[name](tmp_path, {"train": made()["train"][:6]})
    with pytest.raises(DataError, match="has one class only, 'cat'"):
        load_dataset(path)
    assert len(read_labelled(path, Framing("fit", 8, 8, 1))) == 6


class TestWebDataset:
    def test_a_picture_without_a_label_is_left_out_and_said(self, tmp_path: Path) -> None:
        files = {
            name: content
            for number, (label, content) in enumerate(made(("train",))["train"])
            for name, content in ((f"{number}.png", content), (f"{number}.txt", label.encode()))
        }
        del files["3.txt"], files["4.png"]
        dataset = load_dataset(tar_of(tmp_path / "it.tar", files))
        assert sum(len(dataset.read(part)) for part in dataset.parts) == 16
        assert dataset.understood[1] == "pictures without a label, or labels without a picture, left out: 2."

    @pytest.mark.parametrize(
        ("label", "message"),
        [
            (b"\xff", "label '.*0.cls' cannot be read"),
            (b"[" * 3000, "some labels in .* are numbers and some are texts"),
            (b"x" * 10**5, "label '.*0.cls' cannot be read"),
            (b"12", "has the label 12; the 3 classes are 0 to 2"),
            (b"-1", "has the label -1; the 3 classes are 0 to 2"),
        ],
    )
    def test_a_label_that_is_none_is_named(self, label: bytes, message: str, tmp_path: Path) -> None:
        (tmp_path / "classnames.txt").write_text("cat\ndog\nowl\n")
        pictures = made(("train",))["train"]
        files = {f"{n}.png": content for n, (_, content) in enumerate(pictures)}
        files |= {f"{n}.cls": b"%d" % (n % 3) for n in range(18)} | {"0.cls": label}
        ordered = {name: files[name] for name in sorted(files)}
        with pytest.raises(DataError, match=message):
            load_dataset(tar_of(tmp_path / "it.tar", ordered))

    def test_captions_are_no_classes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("imagelet.data.pictures.shards.MOST_CLASSES", 10)
        files = {}
        for number, (_, content) in enumerate(made(("train",))["train"]):
            files |= {f"{number}.png": content, f"{number}.txt": f"a picture of {number}".encode()}
        with pytest.raises(DataError, match="18 different labels; at most 10 classes") as refused:
            load_dataset(tar_of(tmp_path / "it.tar", files))
        assert "not a caption" in refused.value.hint


class TestParquet:
    def test_without_pyarrow_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = parquet_of(tmp_path / "it.parquet", made()["train"])
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        with pytest.raises(DataError, match="need the package pyarrow") as refused:
            load_dataset(path)
        assert refused.value.hint == "pip install 'imagelet[formats]'"

    def test_unlabelled_rows_are_left_out_and_said(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        contents = [content for _, content in made()["train"]]
        labels = [n % 3 for n in range(18)]
        labels[5] = -1
        pq.write_table(pa.table({"image": contents, "label": labels}), tmp_path / "it.parquet")
        dataset = load_dataset(tmp_path / "it.parquet")
        assert dataset.classes == ("0", "1", "2")
        assert sum(len(dataset.read(part)) for part in dataset.parts) == 17
        assert "left out: 1." in dataset.understood[1]

    def test_a_test_part_without_labels_is_left_out(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        contents = [content for _, content in made()["train"]]
        for part, labels in (("train", [n % 3 for n in range(18)]), ("test", [-1] * 18)):
            table = pa.table({"image": contents, "label": labels})
            pq.write_table(table, tmp_path / f"{part}-00000-of-00001.parquet")
        dataset = load_dataset(tmp_path)
        assert len(dataset.train) + len(dataset.test) == 18
        assert "a fifth of each class" in dataset.understood[0]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"label": [0, 1]}, "has no column of pictures; its columns are label"),
            ({"image": [b"", b""]}, "has no column of labels; its columns are image"),
            (
                {"one": [b"", b""], "other": [b"", b""], "label": [0, 1]},
                "several columns that may be the pictures",
            ),
            (
                {"image": [b"", b""], "class": [0, 1], "category": [0, 1]},
                "several columns that may be the labels",
            ),
            ({"image": ["a.png", "b.png"], "label": [0, 1]}, "has no column of pictures"),
        ],
    )
    def test_columns_that_are_not_clear_are_not_guessed(
        self, columns: dict[str, list[object]], message: str, tmp_path: Path
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(columns), tmp_path / "it.parquet")
        with pytest.raises(DataError, match=message):
            load_dataset(tmp_path / "it.parquet")

    def test_rows_that_only_name_files_are_told(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        records = pa.array(
            [{"bytes": None, "path": f"{n}.png"} for n in range(4)],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        )
        pq.write_table(pa.table({"image": records, "label": [0, 1, 0, 1]}), tmp_path / "it.parquet")
        with pytest.raises(DataError, match="holds no bytes of a picture, at most the name of a file"):
            load_dataset(tmp_path / "it.parquet")

    def test_classes_are_named_as_the_file_says_and_in_its_order(self, tmp_path: Path) -> None:
        path = parquet_of(tmp_path / "it.parquet", made()["train"], ["owl", "newt", "dog", "cat"])
        assert load_dataset(path).classes == ("owl", "dog", "cat")

    @pytest.mark.parametrize(
        "said", ["[]", "{", '{"info": 3}', '{"info": {"features": {"label": []}}}', "[" * 5000]
    )
    def test_odd_descriptions_are_not_believed(self, said: str, tmp_path: Path) -> None:
        import pyarrow.parquet as pq

        path = parquet_of(tmp_path / "it.parquet", made()["train"])
        pq.write_table(pq.read_table(path).replace_schema_metadata({"huggingface": said}), path)
        assert load_dataset(path).classes == ("cat", "dog", "owl")

    def test_one_that_unpacks_to_far_more_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        monkeypatch.setattr("imagelet.data.pictures.parquet_pages.SMALLEST_LIMIT", 2**16)
        table = pa.table({"image": [bytes(2**20)] * 4, "label": [0, 1, 0, 1]})
        pq.write_table(table, tmp_path / "it.parquet", compression="zstd", use_dictionary=False)
        with pytest.raises(DataError, match="too many for its size"):
            load_dataset(tmp_path / "it.parquet")

    def test_metadata_of_the_hub_decides_between_columns(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        contents = [content for _, content in made()["train"]]
        table = pa.table({"mask": contents[::-1], "photo": contents, "kind": [n % 2 for n in range(18)]})
        features = {"photo": {"_type": "Image"}, "kind": {"_type": "ClassLabel", "names": ["even", "odd"]}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(table, tmp_path / "it.parquet")
        assert load_dataset(tmp_path / "it.parquet").classes == ("even", "odd")

    @staticmethod
    def _with_split(path: Path, cells: list[object]) -> Path:
        """Write 18 pictures, three classes in turn, with a column ``split`` that repeats some cells."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        contents = [content for _, content in made()["train"]]
        split = (cells * 18)[:18]
        table = pa.table({"image": contents, "label": [n // 2 % 3 for n in range(18)], "split": split})
        pq.write_table(table, path, row_group_size=5)
        return path

    def test_a_column_called_split_says_the_parts(self, tmp_path: Path) -> None:
        path = self._with_split(tmp_path / "it.parquet", ["Training", "val", "train", "test", None, " dev "])
        dataset = load_dataset(path)
        assert {part: len(dataset.read(part)) for part in dataset.parts} == {
            "train": 9,
            "validation": 6,
            "test": 3,
        }

    @pytest.mark.parametrize("cells", [[0, 1], [0.5]])
    def test_a_split_that_is_no_text_says_nothing(self, cells: list[object], tmp_path: Path) -> None:
        dataset = load_dataset(self._with_split(tmp_path / "it.parquet", cells))
        assert "a fifth of each class" in dataset.understood[0]

    def test_a_split_that_is_no_part_is_refused(self, tmp_path: Path) -> None:
        path = self._with_split(tmp_path / "it.parquet", ["train", "extra"])
        with pytest.raises(DataError, match=r"row 1 of .* has the split 'extra'; train, validation"):
            load_dataset(path)

    @pytest.mark.parametrize("name", ["test-0.parquet", "test/0.parquet"])
    def test_a_split_may_repeat_what_the_shards_say_but_not_contradict_it(
        self, name: str, tmp_path: Path
    ) -> None:
        other = tmp_path / name.replace("test", "train")
        for file in (other, tmp_path / name):
            file.parent.mkdir(exist_ok=True)
        self._with_split(other, ["train", None])
        self._with_split(tmp_path / name, ["test"])
        assert len(load_dataset(tmp_path).read("test")) == 18
        self._with_split(tmp_path / name, ["test", "train"])
        with pytest.raises(DataError, match=r"row 1 of .* part train, but the file's name says test"):
            load_dataset(tmp_path)

    def test_shards_without_a_part_in_their_names_are_divided_by_split(self, tmp_path: Path) -> None:
        for number in range(2):
            self._with_split(tmp_path / f"{number}.parquet", ["train", "train", "test"])
        dataset = load_dataset(tmp_path)
        assert (len(dataset.train), len(dataset.test)) == (24, 12)

    def test_a_class_of_the_test_part_alone_is_named(self, tmp_path: Path) -> None:
        cells = ["test", "test", *["train"] * 4]  # class 0 is in no training row
        with pytest.raises(DataError, match=r"the class '0' is in the part test .* not in the part train"):
            load_dataset(self._with_split(tmp_path / "it.parquet", cells))

    @pytest.mark.parametrize("column", ["label", "split"])
    def test_a_text_that_is_stored_once_is_not_read_for_each_row(self, column: str, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows, long = 2000, "a" * 10**6
        columns = {"image": [b"picture"] * rows, "label": ["cat"] * rows, "split": ["train"] * rows}
        columns[column] = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [long])
        path = tmp_path / "it.parquet"
        pq.write_table(pa.table(columns), path, use_dictionary=[column], store_schema=False)
        assert path.stat().st_size < 10**6
        before = pa.default_memory_pool()
        pool = pa.proxy_memory_pool(before)
        pa.set_memory_pool(pool)
        try:
            with pytest.raises(DataError, match=r"is no name of a class|has the split"):
                load_dataset(path)
        finally:
            pa.set_memory_pool(before)
        assert 0 < pool.max_memory() < 10**8  # all rows have 2 · 10**9 bytes
