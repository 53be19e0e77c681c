"""Fixtures for every test: an empty home, no network, small but real dataset files, a local file server."""

import contextlib
import functools
import gc
import gzip
import http.server
import inspect
import io
import os
import pickle
import re
import socket
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from imagelet import paths

if TYPE_CHECKING:
    from imagelet.http.decoder import Decoder

LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
CIFAR_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

settings.register_profile("untimed", deadline=None, max_examples=50)  # a busy machine is no mistake
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported, and run less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot carry out, and say why."""
    if item.get_closest_marker("realdata") and not os.environ.get("IMAGELET_DATA"):
        pytest.skip("the official datasets are not here: let IMAGELET_DATA name the folder that holds them")
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")


@pytest.fixture(autouse=True)
def imagelet_home(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give every test an empty cache and an empty runs folder of its own, and no official files.

    Only a test marked ``realdata`` sees the caller's IMAGELET_DATA.
    """
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("IMAGELET_HOME", str(home / "cache"))
    monkeypatch.setenv("IMAGELET_RUNS", str(home / "runs"))
    monkeypatch.setattr(paths, "SYSTEM_DATA", home / "no-system-data")
    if not request.node.get_closest_marker("realdata"):
        monkeypatch.delenv("IMAGELET_DATA", raising=False)
    return home / "cache"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets reach this machine only."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOCAL_HOSTS:
            raise OSError(f"a test tried to reach {address[0]}")
        connect(self, address)

    def look_up_here(host: Any, *rest: Any, **named: Any) -> Any:
        if host not in (None, "", *LOCAL_HOSTS, *(name.encode() for name in LOCAL_HOSTS)):
            raise socket.gaierror(f"a test looked {host} up")
        return look_up(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)


@pytest.fixture
def real_data() -> Path:
    """Return the folder with the official files; use it in tests marked ``realdata``."""
    named = os.environ.get("IMAGELET_DATA")
    if not named:
        pytest.skip("the official datasets are not here: let IMAGELET_DATA name the folder that holds them")
    return Path(named)


# -- small images that a network can learn -------------------------------------------------------------------


def make_images(number: int, size: int, channels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 images (number, size, size, channels) and int64 labels (number,), 0 to 9 in turn.

    Each class is a bright bar at a height and side of its own on a dark, noisy ground.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % 10
    images = generator.integers(0, 40, (number, size, size, channels), dtype=np.uint8)
    band = size // 5
    for image, label in zip(images, labels, strict=True):
        row, side = divmod(int(label), 2)
        columns = slice(0, size // 2) if side == 0 else slice(size // 2, size)
        image[row * band : row * band + band, columns] += 200
    return images, labels


def idx_bytes(array: np.ndarray) -> bytes:
    """Return uint8 ``array`` as an IDX file: magic number, sizes, values."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write a part's two gzip IDX files; ``part`` is "train" or "t10k"; images (n, h, w)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("images-idx3", images), ("labels-idx1", labels.astype(np.uint8))):
        (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array), mtime=0))


@pytest.fixture(scope="session")
def _idx_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("idx")
    for part, number, seed in (("train", 300, 1), ("t10k", 100, 2)):
        images, labels = make_images(number, 28, 1, seed)
        write_idx(folder, part, images[..., 0], labels)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def idx_folder(tmp_path: Path, _idx_files: dict[str, bytes]) -> Path:
    """Return a data folder with ``mnist/`` and ``fashion-mnist/``, each the four gzip IDX files.

    300 training and 100 test images, 28×28, ten classes in turn. Nothing points to it:
    ``monkeypatch.setenv("IMAGELET_DATA", str(idx_folder))``, or take the fixture ``small_data``.
    """
    folder = tmp_path / "idx-data"
    for name in ("mnist", "fashion-mnist"):
        (folder / name).mkdir(parents=True)
        for file, content in _idx_files.items():
            (folder / name / file).write_bytes(content)
    return folder


@pytest.fixture
def small_data(idx_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let IMAGELET_DATA name ``idx_folder``, and return it."""
    monkeypatch.setenv("IMAGELET_DATA", str(idx_folder))
    return idx_folder


def cifar_batch(name: str, number: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch's records: pixels uint8 (number, 3072) in colour planes, labels (number,)."""
    images, labels = make_images(number, 32, 3, seed=CIFAR_BATCHES.index(name))
    return images.transpose(0, 3, 1, 2).reshape(number, -1).copy(), labels


def cifar_file(name: str, kind: str) -> bytes:
    """Return a batch file as the official archives hold it; ``kind`` is "bin" or "py"."""
    pixels, labels = cifar_batch(name)
    if kind == "bin":
        return np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1).tobytes()
    return pickle.dumps({b"batch_label": b"a batch", b"labels": labels.tolist(), b"data": pixels}, protocol=2)


def write_small_data(folder: Path) -> None:
    """Write a data folder with 100 training and 40 test images of each official dataset."""
    for dataset in ("mnist", "fashion-mnist"):
        for part, number in (("train", 100), ("t10k", 40)):
            images, labels = make_images(number, 28, 1, seed=number)
            write_idx(folder / dataset, part, images[..., 0], labels)
    (folder / "cifar-10-batches-bin").mkdir()
    for name in CIFAR_BATCHES:
        (folder / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(cifar_file(name, "bin"))


@pytest.fixture
def cifar_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a data folder with CIFAR-10 files, 20 records a batch.

    It takes "bin", "py", "binary.tar.gz" or "python.tar.gz".
    """

    def write(layout: str) -> Path:
        data = tmp_path / f"cifar-{layout}"
        kind = "bin" if layout.startswith("bin") else "py"
        suffix = ".bin" if kind == "bin" else ""
        members = {
            f"cifar-10-batches-{kind}/{name}{suffix}": cifar_file(name, kind) for name in CIFAR_BATCHES
        }
        if layout.endswith(".tar.gz"):
            data.mkdir()
            write_tar(data / f"cifar-10-{layout}", members)
        else:
            for path, content in members.items():
                (data / path).parent.mkdir(parents=True, exist_ok=True)
                (data / path).write_bytes(content)
        return data

    return write


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    """Write a ``.tar.gz`` with ``members``, names to contents."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


# -- the end of a training -----------------------------------------------------------------------------------


@contextlib.contextmanager
def blank_pictures() -> Iterator[None]:
    """Let every picture that is written in the block be blank: to draw it takes longer than what it is about.

    They are files with their names and sizes, but blank. Figures are made of their parts as ever, except at a
    training's end. What is in a figure is tested by itself, and with all around it by the tests that ask for
    ``drawn_pictures``.
    """
    from matplotlib.figure import Figure

    from imagelet.analysis import error_analysis
    from imagelet.experiment import finalize, runner

    def save(_: None, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(path)

    drawing = dict.fromkeys(("curves", "confusion", "predictions"), lambda *_, **__: None)

    def finish(*given: Any, **named: Any) -> finalize.Finished:
        with pytest.MonkeyPatch.context() as patch:
            for module in (finalize, error_analysis):
                patch.setattr(module, "plots", SimpleNamespace(**drawing, save=save))
            return finalize.finish(*given, **named)

    @functools.wraps(Figure.savefig)
    def save_blank(figure: Figure, file: Any, **_: Any) -> None:
        width, height = figure.bbox.size
        Image.new("L", (round(width), round(height))).save(file, "png")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "finish", finish)
        patch.setattr(Figure, "savefig", save_blank)
        yield


@pytest.fixture
def drawn_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures be drawn."""
    from matplotlib.figure import Figure

    from imagelet.experiment import finalize, runner

    monkeypatch.setattr(runner, "finish", finalize.finish)
    monkeypatch.setattr(Figure, "savefig", inspect.unwrap(Figure.savefig))


# -- what opens pictures for servers -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def decoder() -> "Iterator[Decoder]":
    """Return a decoder that all servers of the tests share: to start a worker takes half a second."""
    from imagelet.http.decoder import Decoder

    shared = Decoder()
    yield shared
    shared.close()


# -- a file server -------------------------------------------------------------------------------------------


class FileServer:
    """A local HTTP server with ``Range``; what it does wrong can be chosen.

    Attributes:
        url: its address, without a closing slash.
        files: path without leading slash → content.
        requests: (path, the Range header or ""), in the order in which they came.
        ranges: False → ``Range`` is ignored and the whole file comes.
        tells_length: False → the answers have no Content-Length.
        cut_after: the connection breaks after so many bytes of each answer; None → never.
        pause_after: so many bytes of each answer come, the others when ``wait`` is set; None → all at once.
        status: path → the status to answer with instead of the file.
        redirects: path → the address to send the other side to.
        wait: an event that every answer waits for; set at first, ``clear`` it to hold the answers back.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.ranges = True
        self.tells_length = True
        self.cut_after: int | None = None
        self.pause_after: int | None = None
        self.status: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.wait = threading.Event()
        self.wait.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *values: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop, and free the port."""
        self.wait.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path, asked = handler.path.lstrip("/"), handler.headers.get("Range", "")
        self.requests.append((path, asked))
        self.wait.wait(20)
        content = self.files.get(path)
        if path in self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects[path])
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if path in self.status or content is None:
            handler.send_error(self.status.get(path, 404))
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.ranges else 0  # type: ignore[index]
        if start and start >= len(content):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if self.tells_length:
            handler.send_header("Content-Length", str(len(content) - start))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.end_headers()
        stop = len(content) if self.cut_after is None else start + self.cut_after
        with contextlib.suppress(ConnectionError):  # the other side may have had enough
            if self.pause_after is not None:
                handler.wfile.write(content[start : start + self.pause_after])
                start += self.pause_after
                self.wait.clear()
                self.wait.wait(20)
            handler.wfile.write(content[start:stop])
        handler.close_connection = True


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Return a running local server, to be filled with files."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings run one after the other in this process unless a test says how many at a time."""
    monkeypatch.setattr("imagelet.experiment.side_by_side.usable_cores", lambda: 1)


@pytest.fixture
def every_epoch_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a checkpoint be written after each epoch, however short it is."""
    from imagelet.experiment import runner

    monkeypatch.setattr(runner, "SECONDS_BETWEEN_EPOCHS", 0.0)
