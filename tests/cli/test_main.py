"""The frame of the command line: help, wrong usage, errors, exit codes, streams."""

import errno
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from imagelet import cli
from imagelet.cli import failures, printing
from imagelet.cli.commands import Command
from imagelet.errors import (
    DataError,
    ImageletError,
    NetworkTextError,
    RequirementMissedError,
    UnknownNameError,
)

Run = Callable[..., Any]  # of conftest.py: words → outcome


@pytest.fixture
def raising() -> Iterator[list[BaseException | Warning]]:
    """Add a command `break` that raises what is put into the list (a warning is only shown)."""
    queue: list[BaseException | Warning] = []

    @cli.app.command("break", cls=Command)
    def break_(as_json: bool = False) -> None:
        """Raise."""
        for each in queue:
            if isinstance(each, Warning):
                warnings.warn(each, stacklevel=1)
            else:
                raise each

    yield queue
    cli.app.registered_commands.pop()


class TestHelp:
    @pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
    def test_lists_the_commands(self, run: Run, words: list[str]) -> None:
        outcome = run(*words)
        assert outcome.code == 0
        assert outcome.stdout.startswith("Usage: imagelet COMMAND [OPTIONS]")
        assert "\n  summary " in outcome.stdout
        assert outcome.stderr == ""

    def test_of_a_family_without_a_command_lists_its_commands(self, run: Run) -> None:
        assert run("data").stdout == run("data", "--help").stdout
        assert "\n  check " in run("data").stdout

    def test_is_free_of_colour_codes_where_nobody_sees_them(self, run: Run) -> None:
        assert "\x1b" not in run("--help").stdout

    def test_shows_version(self, run: Run) -> None:
        assert run("--version") == type(run("--version"))(0, f"imagelet {version('imagelet')}\n", "")


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("words", "message", "hint"),
        [
            (["sumary"], "unknown command 'sumary'; did you mean 'summary'?", "imagelet --help"),
            (["zzzz"], "unknown command 'zzzz'", "imagelet --help"),
            (["data", "lst"], "unknown command 'lst'; did you mean 'list'?", "imagelet data --help"),
            (["--verson"], "imagelet has no option '--verson'; did you mean '--version'?", "imagelet --help"),
            (
                ["summary", "x", "--inptu", "8x8"],
                "imagelet summary has no option '--inptu'; did you mean '--input'?",
                "imagelet summary --help",
            ),
            (["summary", "x", "--input"], "--input needs a value", "imagelet summary --help"),
            (["networks", "--json=yes"], "--json takes no value", "imagelet networks --help"),
            (
                ["summary", "x", "--classes", "ten"],
                "wrong value for --classes: allowed is a whole number from 1 on",
                "imagelet summary --help",
            ),
            (
                ["summary", "x", "--classes", "0"],
                "wrong value for --classes: allowed is a whole number from 1 on",
                "imagelet summary --help",
            ),
            (["train", "x", "--seed", "1.5"], "wrong value for --seed: allowed is a whole number", ""),
            (
                ["lab", "--port", "-1"],
                "wrong value for --port: allowed is a whole number from 0 to 65535",
                "",
            ),
            (["summary"], "imagelet summary needs NETWORK: network text, a name", "for example: imagelet"),
            (["doctor", "now"], "imagelet doctor has no use for 'now'", "imagelet doctor --help"),
            (["summary", "lenet-5", "--input", "28"], "'28' is not an input shape", "write height, width"),
        ],
    )
    def test_is_one_sentence_with_what_to_type(
        self, run: Run, words: list[str], message: str, hint: str
    ) -> None:
        outcome = run(*words)
        assert outcome.code == 2
        assert outcome.stdout == ""
        first, second = outcome.stderr.splitlines()
        assert first.startswith(f"error: {message}")
        assert second.startswith(f"→ {hint}")

    def test_does_not_begin_a_message_in_capitals_with_a_small_letter(self, run: Run) -> None:
        assert "needs RUN: a run's" in run("predict").stderr


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code", "expected"),
        [
            (DataError("no data", "get some"), 1, "error: no data\n→ get some\n"),
            (ImageletError("no hint"), 1, "error: no hint\n"),
            (UnknownNameError("unknown"), 2, "error: unknown\n"),
            (RequirementMissedError("0.97 is below 0.98"), 3, "error: 0.97 is below 0.98\n"),
            (KeyboardInterrupt(), 130, "interrupted\n"),
            (
                KeyboardInterrupt("stopped in epoch 2; saved", "imagelet train --resume a"),
                130,
                "stopped in epoch 2; saved\n→ imagelet train --resume a\n",
            ),
            (
                OSError(errno.ENOSPC, "No space left on device", "/a/b"),
                1,
                "error: /a/b: the disk is full\n"
                "→ make room, or set IMAGELET_HOME and IMAGELET_RUNS to another disk\n",
            ),
            (
                PermissionError(errno.EACCES, "Permission denied", "/a"),
                1,
                "error: /a: no permission\n→ choose another place, or change the permissions\n",
            ),
            (
                FileExistsError(errno.EEXIST, "File exists", "/a"),
                1,
                "error: /a: this exists already and is not a folder\n→ choose another place\n",
            ),
            (OSError(errno.EIO, "Input/output error"), 1, "error: Input/output error\n"),
            (
                MemoryError(),
                1,
                "error: there is not enough memory for this\n"
                "→ try fewer images at a time or a smaller network\n",
            ),
            (
                RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …"),
                1,
                "error: there is not enough memory for this\n"
                "→ try fewer images at a time or a smaller network\n",
            ),
            (
                ZeroDivisionError("division\nby zero"),
                1,
                "error: something unexpected went wrong: ZeroDivisionError: division by zero\n"
                "→ run again with --debug to see the traceback\n",
            ),
            (
                BrokenPipeError(errno.EPIPE, "Broken pipe"),  # of a connection, not of standard output
                1,
                "error: Broken pipe\n",
            ),
        ],
    )
    def test_are_sentences_with_their_exit_code(
        self, run: Run, raising: list[BaseException], error: BaseException, code: int, expected: str
    ) -> None:
        raising.append(error)
        outcome = run("break")
        assert (outcome.code, outcome.stdout, outcome.stderr) == (code, "", expected)

    def test_are_one_document_under_json_and_a_sentence_for_people(self, run: Run) -> None:
        outcome = run("networks", "lennet", "--json")
        assert outcome.code == 2
        assert outcome.document == {
            "error": {
                "code": "unknown_name",
                "message": "unknown network 'lennet'; did you mean 'lenet-5'?",
                "hint": "imagelet networks lists them",
            }
        }
        assert "lenet-5" in outcome.stderr
        assert run("networks", "--jsno").stdout == ""
        assert run("networks", "--classes", "--json").document["error"]["code"] == "usage"

    def test_under_json_are_in_the_language_of_the_user(self, run: Run) -> None:
        error = run("networks", "lennet", "--json", "--language", "ko").document["error"]
        assert error["code"] == "unknown_name"
        assert "lenet-5" in error["message"]
        assert "unknown" not in error["message"]

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (KeyboardInterrupt(), "interrupted"),
            (OSError(errno.ENOSPC, "full"), "system"),
            (ZeroDivisionError("x"), "unexpected"),
            (DataError("no data"), "data"),
        ],
    )
    def test_have_a_code_for_programs(
        self, error: BaseException, code: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        failures.report_failure(error, debug=False, as_json=True)
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code

    def test_a_figure_that_was_missed_comes_after_the_result(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert failures.report_failure(RequirementMissedError("too low"), debug=False, as_json=True) == 3
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize("words", [["--debug", "break"], ["break", "--debug"]])
    def test_show_the_traceback_under_debug(
        self, run: Run, raising: list[BaseException], words: list[str]
    ) -> None:
        raising.append(DataError("no data"))
        outcome = run(*words)
        assert outcome.code == 1
        assert "Traceback (most recent call last)" in outcome.stderr
        assert outcome.stderr.endswith("error: no data\n")

    def test_show_the_traceback_where_the_environment_says_so(
        self, run: Run, raising: list[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raising.append(ValueError("odd"))
        assert "Traceback" not in run("break").stderr
        monkeypatch.setenv("IMAGELET_DEBUG", "1")
        assert "Traceback" in run("break").stderr

    def test_a_word_after_two_dashes_is_no_option(self, run: Run) -> None:
        assert "'--debug'" in run("networks", "--", "--debug").stderr

    def test_in_network_text_are_pointed_at(self, run: Run, raising: list[BaseException]) -> None:
        raising.append(
            NetworkTextError("unknown layer 'cnov'", "did you mean 'conv'?", text="relu cnov(3)", position=6)
        )
        lines = run("break").stderr.splitlines()
        assert lines == [
            "error: unknown layer 'cnov'",
            "  relu cnov(3)",
            "       ^",
            "→ did you mean 'conv'?",
        ]

    def test_in_long_network_text_are_shown_with_their_surroundings(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal ...
        monkeypatch.setenv("COLUMNS", "40")  # ... of this width
        printing.pointer("x" * 100 + "!" + "y" * 100, 101)
        shown, caret = capsys.readouterr().err.splitlines()
        assert len(shown) <= 40
        assert shown[caret.index("^")] == "!"

    def test_warnings_are_lines(self, run: Run, raising: list[BaseException | Warning]) -> None:
        raising.append(UserWarning("the cache cannot be written"))
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            outcome = run("break")
        assert (outcome.code, outcome.stdout) == (0, "")
        assert outcome.stderr == "warning: the cache cannot be written\n"

    def test_every_message_survives_a_terminal_without_its_letters(self) -> None:
        program = (
            "from imagelet.cli import failures, printing; from imagelet.errors import DataError\n"
            "printing.prepare_streams(); printing.say('Größe 28×28')\n"
            "raise SystemExit(failures.report_failure(DataError('größer', 'weiter'), debug=False))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            check=False,
        )
        assert done.returncode == 1
        assert done.stdout == b"Gr??e 28?28" + os.linesep.encode()
        assert done.stderr.split(os.linesep.encode())[:2] == [b"error: gr??er", b"-> weiter"]


class TestInAProcessOfItsOwn:
    def test_exit_code_and_streams_are_apart(self, run_process: Run) -> None:
        outcome = run_process("sumary")
        assert outcome.code == 2
        assert outcome.stdout == ""
        assert "did you mean 'summary'" in outcome.stderr

    def test_a_reader_that_leaves_early_is_no_error(self) -> None:
        program = f'"{sys.executable}" -c "{_MANY_LINES}" | head -n 1; echo "${{PIPESTATUS[0]}}"'
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
        assert done.stdout == "line 0\n0\n"
        assert done.stderr == ""

    def test_a_reader_that_reads_no_help_is_no_error(self) -> None:
        program = f'"{sys.executable}" -m imagelet --help | true; echo "${{PIPESTATUS[0]}}"'
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("0\n", "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize("words", ["--help", "networks", "networks --json"])
    def test_a_full_disk_is_one_sentence(self, words: str) -> None:
        program = f'"{sys.executable}" -m imagelet {words} > /dev/full'
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("error: the disk is full\n→ ")
        assert "Exception" not in done.stderr

    def test_a_closed_output_is_no_error(self) -> None:
        program = f'"{sys.executable}" -m imagelet networks cnn-3 >&-'
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert done.stderr.startswith("→ ")

    @pytest.mark.skipif(os.name == "nt", reason="no POSIX signals")
    def test_an_interruption_ends_with_130(self) -> None:
        program = (
            "import sys, time, typer; from imagelet import cli\n"
            "def wait():\n    print('waiting', flush=True)\n    time.sleep(60)\n"
            "cli.app.command('wait')(wait)\n"
            "sys.exit(cli.main(['wait']))"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (130, "interrupted\n")

    def test_the_shell_gets_completions(self, run_process: Run) -> None:
        outcome = run_process(_IMAGELET_COMPLETE="complete_bash", COMP_WORDS="imagelet summ", COMP_CWORD="1")
        assert outcome.stdout.split() == ["summary"]


_MANY_LINES = (
    "import sys, typer; from imagelet import cli; from imagelet.cli import printing\n"
    "cli.app.command('lines')(lambda: [printing.say(f'line {number}') for number in range(20000)])\n"
    "sys.exit(cli.main(['lines']))"
)


def test_every_failure_that_is_known_by_number_has_a_hint() -> None:
    for number in failures._SENTENCES:
        message, hint = failures._sentence(OSError(number, "said", "file"))
        assert message.startswith("file: ")
        assert hint


def test_exit_is_typers_way_to_end(run: Run) -> None:
    @cli.app.command("leave")
    def leave() -> None:
        raise typer.Exit(7)

    try:
        assert run("leave").code == 7
    finally:
        cli.app.registered_commands.pop()
