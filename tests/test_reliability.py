"""The fuzzers find nothing in a few cases, and each of them finds a mistake that is put in."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import lab as load
from benchmarks import pages, result_files
from benchmarks.reliability import __main__ as command
from benchmarks.reliability import files, fuzzing, kills, lab, mutation, run_folders
from benchmarks.reliability.fuzzing import PASSED, REFUSED, Case, Find, Fuzzer, Tally, WrongAnswerError
from benchmarks.reliability.parts import PARTS
from imagelet.errors import DataError
from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import Experiment
from imagelet.training.recipe import Recipe
from tests.conftest import blank_pictures

ROOT = Path(__file__).parents[1]
QUICK = {
    "pictures": 40,
    "classifiers": 20,
    "idx": 20,
    "cifar-binary": 20,
    "cifar-pickle": 30,
    "archives": 15,
    "arrays": 20,
    "matlab": 12,
    "zip": 8,
    "tar": 8,
    "webdataset": 8,
    "parquet": 8,
    "keras": 24,
    "own-pictures": 8,
    "texts": 40,
    "routes": 1,
    "service-requests": 30,
    "service-routes": 1,
}
SEED = 1

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the fuzzers fork processes"),
    pytest.mark.filterwarnings("ignore"),  # as where they run by themselves
]


def fuzzer(name: str) -> Fuzzer:
    part = PARTS[name]
    assert isinstance(part, Fuzzer)
    return part


def outcomes(name: str, count: int) -> list[dict[str, Any]]:
    return [fuzzing.attempt(fuzzer(name), SEED, number) for number in range(count)]


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a finished run."""
    folder = tmp_path_factory.mktemp("runs")
    experiment = Experiment("digits", "softmax", Recipe(epochs=2, batch_size=200), precision="fp32")
    with blank_pictures():
        for _ in run_experiment(experiment, name="sound", folder=folder, test=True):
            pass
    run = folder / "sound"
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


# -- a few cases of each -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUICK)
def test_a_few_cases_find_nothing(name: str) -> None:
    results = outcomes(name, QUICK[name])
    assert [result for result in results if result["kind"] not in (PASSED, REFUSED)] == []
    if QUICK[name] > 10:
        assert {result["kind"] for result in results} == {PASSED, REFUSED}


def test_a_few_run_folders_find_nothing(a_run: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folders, "sound_run", lambda: a_run)
    assert [result for result in outcomes("run-folders", 4) if result["kind"] != PASSED] == []


@pytest.mark.slow
def test_two_killed_trainings_end_in_the_same_bytes() -> None:
    words = ["--part", "kills", "--count", "2", "--seed", "3", "--no-result"]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 trainings that were killed" in ended.stdout


def test_every_part_is_tried_here() -> None:
    assert set(PARTS) == {*QUICK, "run-folders", "kills", "soak", "service-soak"}


@pytest.mark.parametrize("name", [name for name in QUICK if name != "routes"])
def test_equal_seeds_give_equal_cases(name: str) -> None:
    for number in range(3):
        first, second = (fuzzing.case_of(fuzzer(name), SEED, number).files for _ in range(2))
        assert first == second


# -- a mistake is found --------------------------------------------------------------------------------------


def mistaken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a mistake")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("pictures", "imagelet.preprocessing.picture.open_picture"),
        ("classifiers", "imagelet.classifier.classifier.Classifier.load"),
        ("idx", "imagelet.data.imageset.ImageSet.__post_init__"),
        ("cifar-binary", "imagelet.data.imageset.ImageSet.__post_init__"),
        ("cifar-pickle", "imagelet.data.imageset.ImageSet.__post_init__"),
        ("archives", "imagelet.data.imageset.ImageSet.__post_init__"),
        ("arrays", "imagelet.data.imageset.ImageSet.__post_init__"),
        ("matlab", "imagelet.data.forms.mat.read_variables"),
        ("keras", "imagelet.interop.keras_layers.chain_of"),
        ("own-pictures", "imagelet.data.checking.check"),
        ("texts", "benchmarks.reliability.texts.summarize_text"),
    ],
)
def test_another_exception_is_a_find(name: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, mistaken)
    kinds = {result["kind"]: result["text"] for result in outcomes(name, min(20, QUICK[name]))}
    assert "RuntimeError: a mistake" in kinds["foreign exception"]


def test_a_classifier_whose_network_is_imported_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, files.FOREIGN.partition(":")[0], sys)
    assert {result["kind"] for result in outcomes("classifiers", 2)} == {"wrong answer"}


@pytest.mark.parametrize("name", ["routes", "service-routes"])
def test_a_request_that_is_admitted_wrongly_is_a_find(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelet.http.guard.Guard._admit", lambda *_: None)
    (result,) = outcomes(name, 1)
    assert result["kind"] == "wrong answer"


@pytest.mark.parametrize(
    ("place", "made"),
    [
        ("imagelet.service.app.wanted", mistaken),
        ("imagelet.service.app.prediction_or_error", lambda _: {"error": {"message": "", "hint": ""}}),
        ("benchmarks.reliability.service.framed_input", mistaken),
    ],
)
def test_an_error_of_the_service_is_a_find(place: str, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, made)
    assert "wrong answer" in {result["kind"] for result in outcomes("service-requests", 12)}


def test_an_error_of_the_server_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelet.http.guard.Guard._admit", mistaken)
    (result,) = outcomes("routes", 1)
    assert "→ 500" in result["text"]
    assert "RuntimeError: a mistake" in result["text"]


@pytest.mark.parametrize(
    "place", ["imagelet.runs.store.list_runs", "benchmarks.reliability.run_folders._output"]
)
def test_a_hidden_run_is_a_find(place: str, a_run: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folders, "sound_run", lambda: a_run)
    monkeypatch.setattr(place, lambda words: ("", "") if isinstance(words, list) else [])
    (result,) = outcomes("run-folders", 1)
    assert result["kind"] == "wrong answer"


@pytest.mark.parametrize("changed", ["classifier.safetensors", "metrics.json", "README.md", None])
def test_a_killed_training_with_other_bytes_is_a_find(
    changed: str | None, a_run: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def train(_: Any, runs: Path, kill: kills.Kill = kills.NEVER) -> int:
        """Write a finished run, one file of it changed or missing, and say how the process ended."""
        files = dict(a_run)
        if changed == "README.md":
            del files[changed]
        elif changed:
            files[changed] = files[changed].replace(b'"epochs": 2', b'"epochs": 3') + b"\n"
        write(runs / kills.NAME, files)
        return 0 if kill == kills.NEVER else -signal.SIGKILL

    write(tmp_path / "run", a_run)
    whole = kills.Uninterrupted(
        kills._files(tmp_path / "run"), kills._contents(tmp_path / "run"), changes=9, seconds=1
    )
    monkeypatch.setattr(kills, "uninterrupted", lambda: whole)
    monkeypatch.setattr(kills, "imagelet", train)
    with contextlib.nullcontext() if changed is None else pytest.raises(WrongAnswerError, match=changed):
        fuzzing.case_of(fuzzer("kills"), SEED, 0).check()


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_a_training_that_cannot_go_on_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kills.Uninterrupted(frozenset(), {}, changes=9, seconds=1)
    monkeypatch.setattr(kills, "uninterrupted", lambda: whole)
    monkeypatch.setattr(kills, "imagelet", lambda *_: 1)
    with pytest.raises(WrongAnswerError, match="ends with 1"):
        fuzzing.case_of(fuzzer("kills"), SEED, 0).check()


@pytest.mark.parametrize(
    ("memory", "status", "kind"),
    [
        ([100, 104, 100], 200, PASSED),
        ([100, 106, 100], 200, "memory grows"),
        ([1, 1, 1], 500, "error of the server"),
    ],
)
def test_the_soak_finds_errors_and_memory_that_grows(
    memory: list[int], status: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n" % status)
        await lab.closed(writer)

    async def ask(port: int, requests: Any, random: Random, seconds: float) -> Any:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            return await original(server.sockets[0].getsockname()[1], requests, random, 0.3)

    @contextlib.contextmanager
    def opened(_: Path) -> Iterator[tuple[int, Any]]:
        yield 0, SimpleNamespace(pid=0)

    original, remaining = lab.ask_for_long, iter(memory)
    monkeypatch.setattr(lab, "ask_for_long", ask)
    monkeypatch.setattr(lab, "_requests", lambda _: [b"GET / HTTP/1.1\r\n\r\n"])
    monkeypatch.setattr(load, "opened", opened)
    monkeypatch.setattr(load, "memory_of", lambda _: next(remaining))
    tally = lab.Soak().run(SEED, count=2, seconds=None, progress=lambda _: None)
    found = [find.kind for find in tally.finds]
    assert tally.cases == 2
    assert set(found) == ({kind} if kind != PASSED else set())


# -- the processes -------------------------------------------------------------------------------------------


def made(check: Any, **limits: Any) -> Fuzzer:
    """Return a fuzzer whose third case is checked by ``check``; the others pass or are refused in turn."""

    def case(_: Random, number: int) -> Case:
        return Case({"input": b"%d" % number}, check if number == 2 else [list, refused][number % 2])

    def refused() -> None:
        raise DataError("no {what}", what="data")

    return Fuzzer("made", "cases", 5, case, **limits)


def fill() -> None:
    kept = bytearray(1500 * fuzzing.MEGABYTE)  # this process may give back what its parent held
    assert kept


FINDS = {
    "foreign exception": (mistaken, {}),
    "crash": (lambda: os._exit(3), {}),
    "too slow": (lambda: time.sleep(60), {"patience": 0.5}),
    "started something": (lambda: subprocess.run(["true"], check=True), {}),
    "wrong answer": (lambda: (_ for _ in ()).throw(WrongAnswerError("no")).send(None), {}),
    "bad sentence": (lambda: (_ for _ in ()).throw(DataError(" ")).send(None), {}),
    **({"too much memory": (fill, {})} if Path("/proc/self/clear_refs").exists() else {}),
}


@pytest.mark.parametrize("kind", FINDS)
def test_cases_go_on_after_a_find(kind: str, tmp_path: Path) -> None:
    check, limits = FINDS[kind]
    made_ = made(check, **limits)
    tally = fuzzing.run(made_, SEED, count=5)
    assert [(find.number, find.kind) for find in tally.finds] == [(2, kind)]
    assert tally.outcomes == {PASSED: 2, REFUSED: 2}
    (place,) = fuzzing.keep(made_, SEED, tally, tmp_path)
    assert (place / "input").read_bytes() == b"2"
    assert (place / "what-happened.txt").read_text().startswith(kind)


def spin() -> None:
    while True:
        pass


@pytest.mark.slow
def test_a_case_that_computes_for_too_long_is_ended() -> None:
    tally = fuzzing.run(made(spin, most_seconds=0.1), SEED, count=5)
    assert [(find.number, find.kind) for find in tally.finds] == [(2, "too slow")]
    assert tally.cases == 5


def test_a_mistake_of_the_fuzzer_itself_is_a_find(tmp_path: Path) -> None:
    broken = Fuzzer("broken", "cases", 1, mistaken)
    tally = fuzzing.run(broken, SEED, count=1)
    assert [find.kind for find in tally.finds] == [fuzzing.NO_CASE]
    assert len(fuzzing.keep(broken, SEED, tally, tmp_path)) == 1


def test_cases_end_when_the_time_is_over() -> None:
    tally = fuzzing.run(made(list), SEED, seconds=0.3)
    assert tally.cases > 10
    assert tally.seconds < 30


# -- the command and the page --------------------------------------------------------------------------------


def test_a_find_ends_the_command_with_1_and_names_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(result_files, "FOLDER", tmp_path / "results")
    monkeypatch.setitem(PARTS, "texts", made(mistaken))
    words = ["--part", "texts", "--count", "5", "--seed", "9", "--finds", str(tmp_path / "finds")]
    assert command.main(words) == 1
    printed = capsys.readouterr().out
    assert "case 2: foreign exception: RuntimeError: a mistake" in printed
    assert str(tmp_path / "finds" / "made-9-2") in printed
    monkeypatch.setitem(PARTS, "texts", made(list))
    assert command.main(words) == 0


def test_sessions_of_the_same_cases_replace_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(result_files, "FOLDER", tmp_path)
    tally = Tally(seconds=3.0)
    for number in range(4):
        tally.add({"number": number, "kind": PASSED, "seconds": 0.5, "bytes": 7_000_000})
    bad = Tally(finds=[Find(0, "crash")])
    for seed, start, each in ((1, 0, bad), (1, 0, tally), (2, 0, tally), (1, 4, tally)):
        command.record("texts", command.session(each, seed, start, "0123456789abcdef"))
    command.record("kills", command.session(bad, 1, 0, None))
    measured = json.loads((tmp_path / "reliability.json").read_text())["measured"]
    assert list(measured) == ["kills", "texts"]
    assert [(one["seed"], one["from"]) for one in measured["texts"]] == [(1, 0), (2, 0), (1, 4)]
    page = pages.reliability_page()
    unit = "texts of networks, recipes, splits and experiments"
    assert f"| `texts` | 12 {unit} | 0 % | 12 | 0 | 0 | 9 | 500 ms | 7 MB |" in page
    assert "| `kills` | 1 trainings that were killed | 0 % | 0 | 0 | 1 |" in page
    assert "| `texts` | 1, 2 |" in page
    assert "0123456789 |" in page


def test_the_page_without_figures_says_so() -> None:
    assert "Nothing yet." in pages.reliability_page({"measured": {}})


# -- mutations -----------------------------------------------------------------------------------------------


def test_mutations_change_what_they_are_given() -> None:
    content = bytes(range(256))
    changed = [mutation.mutated(Random(seed), content, [b"other"]) for seed in range(200)]
    assert sum(one != content for one in changed) > 190
    assert len(set(changed)) > 150
    texts = [mutation.mutated_text(Random(seed), "conv(2, 3x3) relu", ["dense(10)"]) for seed in range(200)]
    assert len(set(texts)) > 100


def test_mutated_json_has_deep_values_odd_texts_and_other_types() -> None:
    content = {"a": [1, 2.5, "x", True, None], "b": {"c": "d"}}
    texts = [mutation.mutated_json(Random(seed), content) for seed in range(500)]
    assert any(text.count("[") > 5000 or text.count("{") > 5000 for text in texts)
    assert any("\\ud800" in text or "\ud800" in text for text in texts)
    assert any("NaN" in text or "Infinity" in text for text in texts)
