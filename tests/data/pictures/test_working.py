"""Worker processes give the bytes that threads give; when one dies, or this process does, nothing hangs."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet.data import load_dataset
from imagelet.data.pictures import working
from imagelet.data.pictures.facts import FACTS_BYTES, Task, row_of
from imagelet.data.pictures.working import COMMAND, Batch, Pool, rows_of
from imagelet.errors import DataError
from imagelet.preprocessing import Framing, framings
from imagelet.preprocessing.picture_files import PictureFile

COUNT = 40
FITTED = Task(Framing("fit", 12, 12, 1), digests=True, colours=True)
DYING = """
    import os, pathlib, sys
    from imagelet.data.pictures import decoding_worker, facts
    is_known, row_of = pathlib.Path(sys.argv[1]), facts.row_of
    def die(picture, task):
        if pathlib.Path(str(picture)).name == "13.png" and not is_known.exists():
            if sys.argv[2] == "once":
                is_known.touch()
            os._exit(1)
        return row_of(picture, task)
    facts.row_of = die
    sys.exit(decoding_worker.main())
"""
CONVERTING = """
    import os, signal, sys
    from imagelet.data import growing
    from imagelet.data.pictures import working
    from imagelet.data.pictures.dataset import load_folder
    working.VERY_MANY, working.MANY, working.BATCH = 1, 1, 4
    working.usable_cores = lambda: 2
    growing.SECONDS_BETWEEN_RECORDS = 0.0
    started = working.WorkerProcess
    def start(command):
        worker = started(command)
        print(worker._process.pid, flush=True)
        return worker
    working.WorkerProcess = start
    def progress(done, total):
        if done >= 20:
            os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    load_folder(sys.argv[1], progress=progress)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two classes, of several formats and sizes, with a picture that is damaged."""
    random = np.random.default_rng(0)
    for index in range(COUNT):
        path = tmp_path / "pictures" / "ab"[index % 2] / f"{index}{('.png', '.bmp', '.gif')[index % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (12 + index % 5, 12), np.uint8)
        Image.fromarray(pixels).convert("L" if index % 4 else "RGB").save(path)
    (tmp_path / "pictures" / "a" / "x.png").write_bytes(b"<!DOCTYPE html>")
    return tmp_path / "pictures"


@pytest.fixture
def pictures(folder: Path) -> list[PictureFile]:
    return [PictureFile(path) for path in sorted(folder.rglob("*.*"))]


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let worker processes open a few pictures; return the list that their numbers are written into."""
    opened: list[int] = []
    rows = Pool.rows_of

    def counted(pool: Pool, batch: Batch) -> np.ndarray:
        opened.append(len(batch.items))
        return rows(pool, batch)

    monkeypatch.setattr(working, "usable_cores", lambda: 2)
    for name, number in (("VERY_MANY", 5), ("MANY", 5), ("BATCH", 4)):
        monkeypatch.setattr(working, name, number)
    monkeypatch.setattr(Pool, "rows_of", counted)
    return opened


def script(text: str, *words: object) -> tuple[str, ...]:
    return (sys.executable, "-W", "ignore", "-c", textwrap.dedent(text), *map(str, words))


def expected(pictures: list[PictureFile], task: Task = FITTED) -> bytes:
    return b"".join(row_of(picture, task) for picture in pictures)


@pytest.mark.parametrize("task", [Task(), Task(digests=True), FITTED])
def test_rows_are_those_that_are_made_here(
    pictures: list[PictureFile], task: Task, few_are_many: list[int]
) -> None:
    rows = np.concatenate(list(rows_of(pictures, task)))
    assert rows.shape == (COUNT + 1, task.row_bytes)
    assert rows.tobytes() == expected(pictures, task)
    assert sum(few_are_many) == COUNT + 1
    assert rows[:, 0].sum() == COUNT  # all but the damaged one can be read


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_dataset_is_the_same_with_and_without_workers(
    folder: Path, form: str, tmp_path: Path, few_are_many: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder
    if form == "zip":
        place = tmp_path / "pictures.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for path in sorted(folder.rglob("*.*")):
                archive.write(path, path.relative_to(folder))
    prints = []
    for count in (2, 1):  # of cores; one needs no processes
        monkeypatch.setattr(working, "usable_cores", lambda count=count: count)
        monkeypatch.setenv("IMAGELET_HOME", str(tmp_path / f"home {count}"))
        dataset = load_dataset(place, skip_bad=True)
        prints.append([dataset.read(part).fingerprint() for part in ("train", "test")])
        assert dataset.left_out["train"].names == ("a/x.png",)
    assert prints[0] == prints[1]
    assert sum(few_are_many) >= COUNT


class TestAWorker:
    @pytest.fixture
    def pool(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pool]:
        pool = Pool.start(FITTED, 2, script(DYING, tmp_path / "known", request.param))
        assert pool is not None
        yield pool
        pool.end()

    @pytest.mark.parametrize("pool", ["once"], indirect=True)
    def test_that_dies_is_replaced(self, pool: Pool, pictures: list[PictureFile]) -> None:
        found = pool.rows_of(Batch([str(one) for one in pictures], pictures))
        assert found.tobytes() == expected(pictures)

    @pytest.mark.parametrize("pool", ["always"], indirect=True)
    def test_that_dies_of_a_picture_names_it(self, pool: Pool, pictures: list[PictureFile]) -> None:
        named = [one for one in pictures if str(one).endswith("13.png")] or pictures[:1]
        renamed = named[0].path.with_name("13.png")
        named[0].path.rename(renamed)
        files = [*pictures[1:5], PictureFile(renamed)]
        with pytest.raises(DataError, match=r"13\.png' ends the process that opens it"):
            pool.rows_of(Batch([str(one) for one in files], files))
        rest = pool.rows_of(Batch([str(one) for one in files[:-1]], files[:-1]))  # the others go on
        assert rest.tobytes() == expected(files[:-1])

    def test_that_cannot_be_replaced_leaves_the_work_to_this_process(
        self, pictures: list[PictureFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool = Pool.start(FITTED, 2)
        assert pool is not None
        for worker in pool._workers:
            worker.kill()
        monkeypatch.setattr(pool, "_command", ("/no/such/program",))
        batch = Batch([str(one) for one in pictures], pictures)
        for _ in range(3):
            assert pool.rows_of(batch).tobytes() == expected(pictures)
        pool.end()

    @pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "")])
    def test_that_does_not_start_leaves_the_work_to_threads(self, command: tuple[str, ...]) -> None:
        assert Pool.start(FITTED, 2, command) is None

    def test_knows_no_framing_of_a_plugin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(framings._things, "own", lambda *_: None)
        assert Pool.start(Task(Framing("own", 12, 12, 1)), 2) is None

    def test_takes_no_module_from_the_current_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "PIL.py").write_text("raise SystemExit")
        monkeypatch.chdir(tmp_path)
        pool = Pool.start(Task(), 1)
        assert pool is not None
        pool.end()

    def test_is_only_as_large_as_its_row(self) -> None:
        assert FITTED.row_bytes == FACTS_BYTES + 144
        assert COMMAND[1:3] == ("-P", "-m")


def ended(pids: list[int]) -> bool:
    """Wait until processes have ended, ten seconds at most; say whether they have."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not any(Path(f"/proc/{pid}/cmdline").exists() and _runs(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_a_conversion_that_ends_leaves_no_process_and_goes_on_where_it_was(
    folder: Path, how: str, monkeypatch: pytest.MonkeyPatch, few_are_many: list[int]
) -> None:
    (folder / "a" / "x.png").unlink()
    done = subprocess.run(
        script(CONVERTING, folder, how),
        capture_output=True,
        check=False,
        timeout=60,
    )
    pids = [int(line) for line in done.stdout.split()]
    assert done.returncode == -getattr(signal, how), done.stderr.decode()
    assert len(pids) >= 2
    assert ended(pids)
    resumed = load_dataset(folder)
    assert 0 < sum(few_are_many) <= COUNT - 16  # the rest alone; four were on their way to the disk
    monkeypatch.setenv("IMAGELET_HOME", os.fspath(folder.parent / "another home"))
    monkeypatch.setattr(working, "usable_cores", lambda: 1)
    assert resumed.train.fingerprint() == load_dataset(folder).train.fingerprint()
    assert resumed.test.fingerprint() == load_dataset(folder).test.fingerprint()
