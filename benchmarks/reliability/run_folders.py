"""Run folders in which one file is damaged or foreign: whatever reads runs goes on.

Beside the damaged run stands a sound one. The list of runs, in Python, on the command line and in the lab,
shows it; every page of the damaged one answers or says in a sentence what is wrong.
"""

import contextlib
import io
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random

from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError
from benchmarks.reliability.kills import PATIENCE, imagelet
from benchmarks.reliability.lab import OWN_HOSTS, Answer, InProcess, in_process
from benchmarks.reliability.mutation import mutated, mutated_json
from benchmarks.reliability.texts import mutated_toml
from imagelet.errors import ImageletError

SOUND, DAMAGED = "sound", "damaged"
WORDS = (
    *("train", "digits", "--network", "softmax", "--epochs", "2", "--batch-size", "200", "--test"),
    *("--precision", "fp32", "--device", "cpu", "--seed", "1", "--name", SOUND),
)
STRUCTURED = (
    "experiment.toml",
    "metrics.json",
    "history.jsonl",
    "test_evaluations.jsonl",
    "environment.json",
    "split.json",
)
OTHER = (
    "classifier.safetensors",
    "README.md",
    "figures",
    "checkpoint",
    ".training.lock",
    "embeddings.safetensors",
)
FOREIGN = (
    b"",
    b"null",
    b'"x"',
    b"[]",
    b"{}",
    b"1e400",
    b"\xff\xfe",
    b"\0" * 100,
    b"{" * 100_000,
    b"[" * 100_000,
    b"nan",
    b'{"validation": null}',
    b'{"validation": {"accuracy": "x"}}',
    b'{"seconds": 5}',
    b"\n\n\n",
    b"not a file of ours",
)
SPARSE = 2**34  # bytes that a sparse file seems to have
PAGES = ("", "/cell?label=0&predicted=0", "/cell?label=0&predicted=0&part=test", "/classifier")


@cache
def sound_run() -> dict[str, bytes]:
    """Return the files of a finished run by their names."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        if status := imagelet(WORDS, runs):
            raise RuntimeError(f"imagelet {' '.join(WORDS)} ends with {status}")
        run = runs / SOUND
        return {
            path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()
        }


def _damage(random: Random, number: int) -> Case:
    """Return a run folder with one thing wrong in it."""
    name = random.choice(STRUCTURED if random.random() < 0.85 else OTHER)
    content = sound_run().get(name, b"")
    damage: Callable[[Path], None]
    if random.random() < 0.75:
        new = random.choice(FOREIGN) if random.random() < 0.25 else _structured(random, name, content)
        how, damage = "content", partial(_write, content=new)
    else:
        how = random.choice(tuple(SPECIAL))
        new, damage = b"", SPECIAL[how]
    about = f"{name}: {how}".encode()
    page = "" if name == "classifier.safetensors" else PAGES[number % len(PAGES)]  # it may be endless
    check = partial(_read_runs, name, damage, page)
    return Case({"what.txt": about, f"damaged/{name}": new}, check)


def _structured(random: Random, name: str, content: bytes) -> bytes:
    """Return the content of a run's file with a value changed, or some bytes."""
    if random.random() < 0.15 or not content:
        return mutated(random, content)
    if name.endswith(".toml"):
        return mutated_toml(random, tomllib.loads(content.decode()))
    if name.endswith(".json"):
        return mutated_json(random, json.loads(content)).encode("utf-8", "surrogatepass")
    if name.endswith(".jsonl"):
        lines = content.splitlines()
        place = random.randrange(len(lines))
        lines[place] = mutated_json(random, json.loads(lines[place])).encode("utf-8", "surrogatepass")
        return b"\n".join(lines) + b"\n"
    return mutated(random, content)


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        shutil.rmtree(place)
    place.write_bytes(content)


def _remove(place: Path) -> None:
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)


def _folder(place: Path) -> None:
    _remove(place)
    place.mkdir(parents=True)


def _link(place: Path, target: str) -> None:
    _remove(place)
    place.symlink_to(target)


def _pipe(place: Path) -> None:
    _remove(place)
    os.mkfifo(place)


def _sparse(place: Path) -> None:
    _write(place, b"{" if place.suffix == ".json" else b"")
    os.truncate(place, SPARSE)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "missing": _remove,
    "a folder": _folder,
    "a link to itself": lambda place: _link(place, place.name),
    "a link to nothing": partial(_link, target="gone"),
    "a link to the run": partial(_link, target="."),
    "a named pipe": _pipe,
    "a sparse file": _sparse,
    "a device without end": partial(_link, target="/dev/zero"),
}


def _read_runs(name: str, damage: Callable[[Path], None], page: str) -> None:
    """Write both runs, damage one of them, and read them in every way; one page of the damaged one."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder).resolve() / "runs"
        for run in (SOUND, DAMAGED):
            for file, content in sound_run().items():
                (runs / run / file).parent.mkdir(parents=True, exist_ok=True)
                (runs / run / file).write_bytes(content)
        damage(runs / DAMAGED / name)
        _check_list(runs)
        _check_command(runs)
        _check_lab(runs, page)


def _check_list(runs: Path) -> None:
    from imagelet.runs.store import list_runs

    listed = list_runs(runs)
    if SOUND not in [run.name for run in listed]:
        raise WrongAnswerError("the list lacks the sound run")
    for run in listed:
        run._repr_html_()
        for read in ("experiment", "metrics", "environment", "history", "test_evaluations"):
            with contextlib.suppress(ImageletError):
                getattr(run, read)


def _check_command(runs: Path) -> None:
    """List the runs on the command line, as JSON and as a table."""
    for words in (["runs", str(runs), "--json"], ["runs", str(runs)]):
        output, problems = _output(words)
        if SOUND not in output:
            raise WrongAnswerError(f"imagelet {words[-1]} does not show the sound run: {problems[:1000]}")
    listed = {run["run"]: run for run in json.loads(_output(["runs", str(runs), "--json"])[0])["runs"]}
    if listed[SOUND]["state"] != "finished" or listed[SOUND]["validation"] is None:
        raise WrongAnswerError(f"the sound run is listed as {listed[SOUND]}")


def _output(words: list[str]) -> tuple[str, str]:
    from imagelet.cli import main

    output, problems = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(problems):
        status = main(words)
        output.flush()
        problems.flush()
    texts = [stream.buffer.getvalue().decode() for stream in (output, problems)]
    if status or "Traceback" in texts[1]:
        raise WrongAnswerError(f"imagelet {' '.join(words)} ends with {status}: {texts[1][:1000]}")
    return texts[0], texts[1]


def _check_lab(runs: Path, page: str) -> None:
    """Ask the lab for its list of runs and for a page of each."""
    with in_process(runs) as lab:
        listed = {run["name"]: run for run in json.loads(_answered(lab, "/api/runs").body)}
        if listed.get(SOUND, {}).get("state") != "finished":
            raise WrongAnswerError(f"the lab lists {listed}")
        if _answered(lab, f"/api/runs/{SOUND}").status != 200:
            raise WrongAnswerError("the lab does not open the sound run")
        _answered(lab, f"/api/runs/{DAMAGED}{page}")
        _answered(lab, f"/api/compare?runs={SOUND},{DAMAGED}")
        _answered(lab, "/api/classifiers")


def _answered(lab: InProcess, path: str) -> Answer:
    answer = lab.ask("GET", path, {"host": OWN_HOSTS[0]})
    if answer.status >= 500:
        raise WrongAnswerError(f"{path} → {answer.status}\n{answer.logged}")
    return answer


FUZZERS = (Fuzzer("run-folders", "run folders with one thing wrong", 2_000, _damage, patience=PATIENCE),)
