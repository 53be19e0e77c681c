"""MATLAB's files are read as SciPy and h5py read them, and no file takes more memory than it holds."""

import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.io import loadmat, savemat

from imagelet.data import matlab
from imagelet.data.matlab import read_variables

TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "?")
STARTED = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM"


def write_7_3(path: Path, content: dict[str, Any], **how: Any) -> None:
    """Write version 7.3: an HDF5 file behind 512 bytes, its arrays with the axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in content.items():
            file.create_dataset(name.replace(".", "/"), data=np.asarray(array).T, **how)
    with path.open("r+b") as opened:
        opened.write(STARTED)


def read(path: Path) -> dict[str, np.ndarray]:
    return {name: variable.read() for name, variable in read_variables(path).items()}


class TestVersion5:
    @settings(deadline=None, max_examples=60)
    @given(data=st.data(), packed=st.booleans())
    def test_arrays_are_those_that_scipy_reads(
        self, data: st.DataObject, packed: bool, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        kind = data.draw(st.sampled_from(TYPES))
        shape = data.draw(arrays.array_shapes(min_dims=2, max_dims=5, max_side=5))
        array = data.draw(arrays.arrays(kind, shape))
        path = tmp_path_factory.mktemp("mat") / "made.mat"
        savemat(path, {"one": array, "two": np.arange(6).reshape(2, 3)}, do_compression=packed)
        found, expected = read(path), loadmat(path)
        for name in ("one", "two"):
            assert found[name].shape == expected[name].shape
            assert np.array_equal(found[name], expected[name], equal_nan=kind[0] == "f")
        assert [read_variables(path)[name].shape for name in ("one", "two")] == [array.shape, (2, 3)]

    @pytest.mark.parametrize("packed", [False, True])
    def test_the_fields_of_structs_have_dotted_names(self, packed: bool, tmp_path: Path) -> None:
        inner = {"images": np.arange(12, dtype=np.uint8).reshape(3, 4), "labels": np.ones((3, 1))}
        savemat(tmp_path / "a.mat", {"dataset": {"train": inner, "n": 5}}, do_compression=packed)
        found = read(tmp_path / "a.mat")
        assert set(found) == {"dataset.train.images", "dataset.train.labels", "dataset.n"}
        assert np.array_equal(found["dataset.train.images"], inner["images"])

    def test_what_holds_no_numbers_is_named_and_not_read(self, tmp_path: Path) -> None:
        content = {
            "text": "hello",
            "cells": np.array([[1], [2, 3]], dtype=object),
            "complex": np.array([[1j]]),
            "structs": np.array([(1,), (2,)], dtype=[("a", "O")]),
            "fine": np.ones((2, 2)),
        }
        savemat(tmp_path / "a.mat", content)
        variables = read_variables(tmp_path / "a.mat")
        assert set(variables) == set(content)
        for name in ("text", "cells", "complex", "structs"):
            with pytest.raises(ValueError, match="not of numbers"):
                variables[name].read()
        assert variables["fine"].read().tolist() == [[1, 1], [1, 1]]

    def test_the_order_of_the_bytes_may_be_the_other(self, tmp_path: Path) -> None:
        def element(kind: int, body: bytes) -> bytes:
            return struct.pack(">II", kind, len(body)) + body + bytes(-len(body) % 8)

        flags, axes = element(6, struct.pack(">II", 11, 0)), element(5, struct.pack(">ii", 1, 2))
        matrix = flags + axes + element(1, b"numbers") + element(4, struct.pack(">HH", 258, 3))
        start = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
        (tmp_path / "a.mat").write_bytes(start + element(14, matrix))
        assert read(tmp_path / "a.mat")["numbers"].tolist() == [[258, 3]]

    @settings(deadline=None, max_examples=150)
    @given(data=st.data(), packed=st.booleans())
    def test_a_damaged_file_raises_value_error_alone(
        self, data: st.DataObject, packed: bool, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        path = tmp_path_factory.mktemp("mat") / "made.mat"
        content = {
            "a": np.arange(6, dtype=np.uint8).reshape(2, 3),
            "s": {"b": np.ones((2, 2)), "c": {"d": 1}},
        }
        savemat(path, content, do_compression=packed)
        damaged = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(124, len(damaged) - 1))
            damaged[place : place + 4] = data.draw(st.binary(min_size=1, max_size=4))
        path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
        try:
            for variable in read_variables(path).values():
                variable.read()
        except ValueError:
            pass

    def test_a_packed_variable_takes_no_more_than_it_can_hold(self, tmp_path: Path) -> None:
        packed = zlib.compress(struct.pack("<II", 14, 1 << 31) + bytes(100))
        start = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
        (tmp_path / "a.mat").write_bytes(start + struct.pack("<II", 15, len(packed)) + packed)
        tracemalloc.start()
        with pytest.raises(ValueError, match="announces more than it can hold"):
            read_variables(tmp_path / "a.mat")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
        tracemalloc.stop()

    def test_the_size_is_that_of_the_shape_before_anything_is_unpacked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        savemat(tmp_path / "a.mat", {"a": np.zeros((1000, 1000), np.uint8)}, do_compression=True)
        assert read(tmp_path / "a.mat")["a"].shape == (1000, 1000)
        monkeypatch.setattr(matlab, "LARGEST", 999_999)
        with pytest.raises(ValueError, match="announces more than it can hold"):
            read_variables(tmp_path / "a.mat")

    def test_structs_are_not_followed_for_ever(self, tmp_path: Path) -> None:
        nested: dict[str, Any] = {"a": 1}
        for _ in range(10):
            nested = {"a": nested}
        savemat(tmp_path / "a.mat", nested)
        with pytest.raises(ValueError, match="deeper than 6"):
            read_variables(tmp_path / "a.mat")

    def test_variables_are_not_counted_for_ever(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matlab, "MOST_VARIABLES", 2)
        savemat(tmp_path / "a.mat", dict.fromkeys("abc", 1))
        with pytest.raises(ValueError, match="over 2 variables"):
            read_variables(tmp_path / "a.mat")


class TestVersion73:
    @pytest.mark.parametrize("how", [{}, {"compression": "gzip", "shuffle": True, "fletcher32": True}])
    def test_arrays_have_their_axes_as_matlab_has_them(self, how: dict[str, Any], tmp_path: Path) -> None:
        content = {"X": np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "s.y": np.arange(4.0)[:, np.newaxis]}
        write_7_3(tmp_path / "a.mat", content, **how)
        found = read(tmp_path / "a.mat")
        assert set(found) == {"X", "s.y"}
        for name, array in content.items():
            assert np.array_equal(found[name], array)
            assert read_variables(tmp_path / "a.mat")[name].shape == array.shape

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        write_7_3(tmp_path / "other.mat", {"secret": np.ones((2, 2))})
        write_7_3(tmp_path / "a.mat", {"X": np.ones((2, 2))})
        with h5py.File(tmp_path / "a.mat", "r+") as file:
            file["outside"] = h5py.ExternalLink(str(tmp_path / "other.mat"), "/secret")
            file["inside"] = h5py.SoftLink("/X")
            file["loop"] = file["/"]
        with pytest.raises(ValueError, match="deeper than 6"):
            read_variables(tmp_path / "a.mat")
        with h5py.File(tmp_path / "a.mat", "r+") as file:
            del file["loop"]
        assert set(read_variables(tmp_path / "a.mat")) == {"X"}

    def test_arrays_in_other_files_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"0123")
        write_7_3(tmp_path / "a.mat", {})
        with h5py.File(tmp_path / "a.mat", "r+") as file:
            outside = [(str(tmp_path / "secret"), 0, 4)]
            file.create_dataset("external", (2, 2), "u1", external=outside)
            layout = h5py.VirtualLayout((2, 2), "u1")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.mat"), "X", (2, 2))
            file.create_virtual_dataset("virtual", layout)
        for variable in read_variables(tmp_path / "a.mat").values():
            with pytest.raises(ValueError, match="stored in a way that is not read"):
                variable.read()

    def test_an_array_that_was_never_written_takes_no_memory(self, tmp_path: Path) -> None:
        write_7_3(tmp_path / "a.mat", {})
        with h5py.File(tmp_path / "a.mat", "r+") as file:
            file.create_dataset("X", (1 << 20, 1 << 20), "u1", chunks=(1 << 10, 1 << 10))
            file["text"] = "hello"
        variables = read_variables(tmp_path / "a.mat")
        with pytest.raises(ValueError, match="announces more than it can hold"):
            variables["X"].read()
        with pytest.raises(ValueError, match="not of numbers"):
            variables["text"].read()

    def test_a_file_that_was_cut_short_is_told(self, tmp_path: Path) -> None:
        write_7_3(tmp_path / "a.mat", {"X": np.ones((100, 100))})
        content = (tmp_path / "a.mat").read_bytes()
        (tmp_path / "a.mat").write_bytes(content[:2000])
        with pytest.raises(ValueError, match="damaged"):
            read(tmp_path / "a.mat")


@pytest.mark.parametrize("content", [b"", b"MATLAB", bytes(200), STARTED[:120] + b"12345678" + bytes(1000)])
def test_what_is_no_matlab_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match="no MATLAB file of version 5 or later"):
        read_variables(tmp_path / "a.mat")
