"""Tables that name pictures: read as people write them, or refused."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imagelet.data.pictures.dataset import read_labelled
from imagelet.data.pictures.labelled import LabelledPictures
from imagelet.data.pictures.table import is_table, list_table, parts_of_table
from imagelet.errors import DataError
from imagelet.preprocessing import Framing

Write = Callable[..., Path]
FRAMING = Framing("fit", 6, 6, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with 12 pictures ``pictures/0.png``…, each of one grey: 0, 20, 40, …"""
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        Image.new("L", (6, 6), 20 * number).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Write:
    """Return a function that writes a table of lines beside ``pictures/``."""

    def write(*lines: str, encoding: str = "utf-8", ending: str = "\n", name: str = "table.csv") -> Path:
        path = folder / name
        path.write_bytes((ending.join(lines) + ending).encode(encoding))
        return path

    return write


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        list_table(path)
    return caught.value.message.replace(f"'{path}'", "TABLE")


def listed(path: Path) -> list[tuple[str, str]]:
    """Return each file's name and its label."""
    found = list_table(path)
    assert found.table == path
    files = paths_of(found)
    assert all(file.is_file() and file.is_relative_to(found.place) for file in files)
    return [(file.name, found.classes[label]) for file, label in zip(files, found.labels, strict=True)]


def paths_of(found: LabelledPictures) -> list[Path]:
    return [picture.path for picture in found.pictures]


class TestRows:
    def test_become_files_with_classes_in_natural_order(self, write: Write, folder: Path) -> None:
        table = write("path,label", "pictures/0.png,10", "pictures/1.png,2", "pictures/2.png,a")
        found = list_table(table)
        assert found.classes == ("2", "10", "a")
        assert found.labels.dtype == np.int64
        assert found.labels.tolist() == [1, 0, 2]
        assert paths_of(found) == [folder.resolve() / "pictures" / f"{number}.png" for number in range(3)]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    def test_are_read_as_spreadsheets_write_them(
        self, write: Write, delimiter: str, encoding: str, ending: str
    ) -> None:
        rows = (("PATH", "Kind", "Label ", ""), ("pictures/1.png", "a, b; c", "일", ""), ("", "", "", ""))
        table = write(
            *(delimiter.join(f'"{cell}"' for cell in row) for row in rows), encoding=encoding, ending=ending
        )
        assert listed(table) == [("1.png", "일")]

    def test_may_hold_delimiters_quotes_and_blanks(self, write: Write, folder: Path) -> None:
        (folder / "pictures" / "0.png").rename(folder / "pictures" / "a, 'b'.png")
        table = write(
            "path,label", '"pictures/a, \'b\'.png", "so ""and"" so"', " pictures/1.png , cat ", "", ","
        )
        assert listed(table) == [("a, 'b'.png", '"so ""and"" so"'), ("1.png", "cat")]

    def test_may_name_files_by_absolute_paths_and_by_dots(self, write: Write, folder: Path) -> None:
        (folder / "deep").mkdir()
        table = write(
            "path,label",
            f"{folder / 'pictures' / '0.png'},a",
            "../pictures/1.png,b",
            "./../deep/../pictures/2.png,c",
            name="deep/table.csv",
        )
        assert listed(table) == [("0.png", "a"), ("1.png", "b"), ("2.png", "c")]
        assert read_labelled(table, FRAMING).images[:, 0, 0, 0].tolist() == [0, 20, 40]

    def test_are_relative_to_the_table_not_to_where_one_is(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        write("path,label", "pictures/3.png,a")
        monkeypatch.chdir(folder / "pictures")
        assert [file.name for file in paths_of(list_table("../table.csv"))] == ["3.png"]

    def test_that_name_a_file_twice_with_one_label_count_once(self, write: Write) -> None:
        table = write("path,label", "pictures/0.png,a", "./pictures/0.png,a", "pictures/1.png,b")
        assert listed(table) == [("0.png", "a"), ("1.png", "b")]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 11), st.text("ab0 ,;'\"é", min_size=1)),
            min_size=1,
            unique_by=lambda row: row[0],
        )
    )
    def test_written_by_the_csv_module_come_back(self, folder: Path, rows: list[tuple[int, str]]) -> None:
        import csv

        rows = [(number, label) for number, label in rows if label.strip()]
        table = folder / "table.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["label", "path"])
            writer.writerows([label, f"pictures/{number}.png"] for number, label in rows)
        if rows:
            assert listed(table) == [(f"{number}.png", label.strip()) for number, label in rows]


class TestSources:
    def test_stand_beside_the_files(self, write: Write) -> None:
        rows = [
            f"pictures/{number}.png,{number % 2},{name}" for number, name in enumerate(("ann", "bob", "ann"))
        ]
        found = list_table(write("path,label,source", *rows))
        assert found.sources == ("ann", "bob", "ann")
        assert found.take(np.array([2, 1])).sources == ("ann", "bob")
        assert [path.name for path in paths_of(found.take(np.array([2, 1])))] == ["2.png", "1.png"]

    def test_are_read_as_the_other_cells_are(self, write: Write) -> None:
        table = write(" Source ;PATH;label", '"a; b ";pictures/0.png;x', "일;pictures/1.png;y")
        assert list_table(table).sources == ("a; b", "일")

    def test_are_none_where_nobody_said(self, write: Write) -> None:
        for lines in (
            ("path,label", "pictures/0.png,a"),
            ("path,label,source", "pictures/0.png,a", "pictures/1.png,a,"),
            ("path,label,sources", "pictures/0.png,a,ann"),
        ):
            found = list_table(write(*lines))
            assert found.sources is None
            assert found.take(np.array([0])).sources is None

    def test_may_be_left_out_here_and_there(self, write: Write) -> None:
        table = write("path,label,source", "pictures/0.png,a,ann", "pictures/1.png,a", "pictures/2.png,a,")
        assert list_table(table).sources == ("ann", "", "")

    def test_of_a_file_that_is_named_twice_count_once(self, write: Write) -> None:
        rows = ("pictures/0.png,a,ann", "./pictures/0.png,a,ann", "pictures/1.png,a,bob")
        assert list_table(write("path,label,source", *rows)).sources == ("ann", "bob")

    def test_have_no_say_in_the_images(self, write: Write) -> None:
        one = read_labelled(write("path,label,source", "pictures/3.png,a,ann", name="one.csv"), FRAMING)
        other = read_labelled(write("path,label", "pictures/3.png,a", name="other.csv"), FRAMING)
        assert one.fingerprint() == other.fingerprint()


class TestRefusals:
    def test_name_a_column_that_is_missing_or_twice(self, write: Write) -> None:
        assert refused(write("place,label", "a,b")) == (
            "line 1 of TABLE lacks the column 'path'; its columns are place, label"
        )
        assert refused(write("", "path;kind;size", "a;b;3")) == (
            "line 2 of TABLE lacks the column 'label'; its columns are path, kind, size"
        )
        assert "has the column 'path' twice" in refused(write("path,label,Path", "a,b,c"))

    def test_name_the_line_that_lacks_a_cell(self, write: Write) -> None:
        assert refused(write("path,label", "", "pictures/0.png,")) == "line 3 of TABLE has no label"
        assert refused(write("label,path", "a")) == "line 2 of TABLE has no path"
        assert refused(write("path,label", "pictures/0.png,a", " ,a")) == "line 3 of TABLE has no path"

    def test_name_the_line_that_has_cells_too_many(self, write: Write) -> None:
        assert refused(write("path,label", "a, b.png,cat")) == (
            "line 2 of TABLE has 3 cells where the header has 2"
        )

    def test_name_the_line_of_a_file_that_is_not_there(self, write: Write) -> None:
        table = write("path,label", "pictures/0.png,a", "gone.png,a")
        assert refused(table) == "line 3 of TABLE names the file 'gone.png', which is not there"
        assert "which is a folder" in refused(write("path,label", "pictures,a"))
        for impossible in ("x" * 5000, "a\0b"):
            message = refused(write("path,label", f"{impossible},a"))
            assert message.startswith("line 2 of TABLE names the file '")

    def test_count_lines_as_an_editor_does(self, write: Write) -> None:
        table = write("path,label,note", 'pictures/0.png,a,"two\nlines"', "gone.png,a,", ending="\r\n")
        assert refused(table).startswith("line 4 of TABLE")

    def test_name_both_labels_of_a_file_and_their_lines(self, write: Write, folder: Path) -> None:
        table = write("path,label", "pictures/0.png,a", f"{folder / 'pictures' / '0.png'},b")
        message = refused(table)
        assert message.startswith("line 3 of TABLE labels ")
        assert message.endswith("as 'b', but line 2 says 'a'")

    @pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
    def test_see_a_file_behind_a_link(self, write: Write, folder: Path) -> None:
        (folder / "link.png").symlink_to(folder / "pictures" / "0.png")
        assert "but line 2 says 'a'" in refused(write("path,label", "pictures/0.png,a", "link.png,b"))

    @pytest.mark.parametrize("lines", [[], ["", " "], [",,"]])
    def test_tell_of_an_empty_table(self, write: Write, lines: list[str]) -> None:
        assert refused(write(*lines)) == "the table TABLE is empty"

    def test_tell_of_a_header_without_rows(self, write: Write) -> None:
        assert refused(write("path,label", "", ",")) == "the table TABLE has a header line but no rows"

    def test_name_the_line_that_is_not_utf8(self, write: Write) -> None:
        assert refused(write("path,label", "a,b", "é,b", encoding="latin-1")) == (
            "line 3 of TABLE is not UTF-8 text"
        )
        assert refused(write("path,label", encoding="utf-16")) == "line 1 of TABLE is not UTF-8 text"

    def test_name_the_line_with_a_quote_that_stays_open(self, write: Write) -> None:
        assert refused(write("path,label", '"pictures/0.png,a', "b,c")) == (
            "line 3 of TABLE is not CSV: opens a double quote that is never closed"
        )
        assert refused(write("path,label", f'"{"x" * 200_000}",a')).startswith("line 2 of TABLE is not CSV: ")
        assert refused(write("x" * 200_000)).startswith("line 1 of TABLE is not CSV: ")

    def test_tell_of_a_table_that_is_not_there(self, tmp_path: Path) -> None:
        assert refused(tmp_path / "gone.csv") == "the table TABLE is not there"

    def test_say_what_a_table_looks_like(self, write: Write) -> None:
        with pytest.raises(DataError) as caught:
            list_table(write("a,b"))
        assert caught.value.hint == "a table of pictures is a CSV file with the columns path and label"


class TestTablesOfCompetitions:
    """``id,breed`` beside a folder ``train/``; a column of 0 and 1 for each class."""

    def test_of_two_columns_the_other_one_is_the_label(self, write: Write) -> None:
        path = write("Image,Breed", "pictures/0.png,akita", "pictures/1.png,boxer")
        assert listed(path) == [("0.png", "akita"), ("1.png", "boxer")]
        assert parts_of_table(path).left_out == (
            "The column 'Image' names the pictures, and 'Breed' is their label.",
        )

    def test_names_are_those_of_pictures_below_with_or_without_suffix(self, write: Write) -> None:
        path = write("id,label", "3,b", "11.png,a", "2,b")
        assert listed(path) == [("3.png", "b"), ("11.png", "a"), ("2.png", "b")]
        assert parts_of_table(path).left_out == (
            f"The pictures are found by their names in pictures{os.sep}.",
        )

    def test_a_name_that_two_pictures_have_is_refused(self, write: Write, folder: Path) -> None:
        (folder / "more").mkdir()
        (folder / "more" / "3.png").write_bytes((folder / "pictures" / "3.png").read_bytes())
        told = refused(write("id,label", "2,b", "3,a")).replace(os.sep, "/")
        assert told == "line 3 of TABLE names '3', which more/3.png and pictures/3.png may be"

    def test_of_an_id_and_a_path_the_path_counts(self, write: Write) -> None:
        path = write("id,filename,label", "7,pictures/0.png,a", "8,pictures/1.png,b")
        assert listed(path) == [("0.png", "a"), ("1.png", "b")]

    def test_a_column_of_0_and_1_for_each_class(self, write: Write) -> None:
        path = write("image,Rust,Scab,source", "0,1.0,0.0,ann", "1,0.0,1.0,ben", "2,1,0,ann")
        assert listed(path) == [("0.png", "Rust"), ("1.png", "Scab"), ("2.png", "Rust")]
        assert list_table(path).sources == ("ann", "ben", "ann")
        assert (
            "There is a column of 0 and 1 for each of 2 classes: Rust, Scab." in parts_of_table(path).left_out
        )

    @pytest.mark.parametrize("cells", ["1,1", "0,0", "0.5,0.5", "1,", "1,x", "1"])
    def test_a_row_with_none_or_several_classes_is_refused(self, write: Write, cells: str) -> None:
        told = refused(write("image,Rust,Scab", "0,1,0", f"1,{cells}"))
        assert told == "line 3 of TABLE needs a 1 in one of the columns Rust, Scab, and 0 in all others"

    def test_numbers_of_other_kinds_are_no_classes(self, write: Write) -> None:
        told = refused(write("image,age,height", "0,31,180"))
        assert told == "line 1 of TABLE lacks the column 'label'; its columns are path, age, height"


def test_a_table_is_known_by_being_a_file_or_by_its_suffix(write: Write, folder: Path) -> None:
    assert is_table(write("path,label", name="labels.txt"))
    assert is_table(str(folder / "gone.CSV"))
    assert is_table("gone.tsv")
    (folder / "folder.csv").mkdir()
    assert not is_table(folder / "folder.csv")
    assert not is_table(folder)
    assert not is_table("mnist")


class TestReadLabelled:
    def test_takes_a_tables_pictures_as_it_takes_a_folders(self, write: Write) -> None:
        rows = [f"pictures/{number}.png,{'even' if number % 2 == 0 else 'odd'}" for number in (5, 2, 9, 4)]
        images = read_labelled(write("path,label", *rows), FRAMING)
        assert images.classes == ("even", "odd")
        assert images.labels.tolist() == [1, 0, 1, 0]
        assert images.images[:, 0, 0, 0].tolist() == [100, 40, 180, 80]
        assert images.images.shape == (4, 6, 6, 1)

    def test_decodes_them_once(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        table = write("path,label", "pictures/5.png,a")
        first = read_labelled(table, FRAMING)
        monkeypatch.setattr("imagelet.data.pictures.facts.open_once", lambda *_, **__: 1 / 0)
        assert read_labelled(table, FRAMING).fingerprint() == first.fingerprint()

    def test_sees_that_a_label_has_changed(self, write: Write) -> None:
        before = read_labelled(write("path,label", "pictures/5.png,a", "pictures/6.png,b"), FRAMING)
        after = read_labelled(write("path,label", "pictures/5.png,b", "pictures/6.png,b"), FRAMING)
        assert [before.classes, after.classes] == [("a", "b"), ("b",)]

    def test_names_damaged_pictures_and_what_tells_more(self, write: Write, folder: Path) -> None:
        rows = [f"pictures/{number}.png,a" for number in range(6)]
        table = write("path,label", *rows)
        for number in (1, 2, 3, 5):
            (folder / "pictures" / f"{number}.png").write_bytes(b"damaged")
        with pytest.raises(DataError) as caught:
            read_labelled(table, FRAMING)
        names = ", ".join(f"'{Path('pictures', f'{number}.png')}'" for number in (1, 2, 3))
        assert (
            caught.value.message
            == f"4 of 6 pictures in '{table}' cannot be read (text (4)): {names} and 1 more"
        )
        first = folder.resolve() / "pictures" / "1.png"
        assert caught.value.hint.startswith(f"imagelet data show {first} says what is wrong with the first; ")
