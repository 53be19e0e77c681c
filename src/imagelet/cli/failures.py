"""What is said of a failure: a sentence with what to type next, an exit code, and under --json a document."""

import contextlib
import errno

from imagelet.cli import printing
from imagelet.errors import ImageletError, NetworkTextError, RequirementMissedError
from imagelet.messages import Message, translate

INTERRUPTED = 130

_ELSEWHERE = Message("choose another place")
_PERMISSION = (Message("no permission"), Message("choose another place, or change the permissions"))
_ROOM = Message("make room, or set IMAGELET_HOME and IMAGELET_RUNS to another disk")
_SENTENCES = {
    errno.ENOSPC: (Message("the disk is full"), _ROOM),
    getattr(errno, "EDQUOT", -1): (Message("the disk quota is used up"), _ROOM),
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: (Message("the disk is read-only"), _ELSEWHERE),
    errno.ENOENT: (
        Message("there is no such file or folder"),
        Message("check the spelling; quote names with spaces"),
    ),
    errno.EEXIST: (Message("this exists already and is not a folder"), _ELSEWHERE),
    errno.ENOTDIR: (Message("a part of this path is a file, not a folder"), Message("name another folder")),
    errno.EISDIR: (Message("this is a folder, not a file"), Message("add a file's name")),
    errno.EMFILE: (Message("too many files are open"), Message("raise the limit: ulimit -n 4096")),
}


def report_failure(error: BaseException, *, debug: bool, as_json: bool = False) -> int:
    """Print one sentence about ``error`` to standard error and return the exit code.

    Args:
        error: what ended the command.
        debug: print the traceback first.
        as_json: print ``{"error": {"code", "message", "hint"}}`` to standard output as well, unless the
            command has printed its result already: a figure that was missed is said after it.
    """
    if debug:
        printing.show_traceback(error)
    if as_json and not isinstance(error, RequirementMissedError):
        with contextlib.suppress(OSError, printing.OutputClosedError):  # it may be what failed
            printing.document({"error": _as_document(error)})
    if isinstance(error, KeyboardInterrupt):
        printing.note(error.args[0] if error.args else Message("interrupted"))
        for hint in error.args[1:]:  # what was saved, and how to resume
            printing.advice(hint)
        return INTERRUPTED
    if isinstance(error, ImageletError):
        printing.failure(error.message)
        if isinstance(error, NetworkTextError) and error.text:
            printing.pointer(error.text, error.position)
        if error.hint:
            printing.advice(error.hint)
        return error.exit_code
    printing.failure(*_sentence(error))
    return 1


def _as_document(error: BaseException) -> dict[str, str]:
    """Return what programs get of an error, in the user's language."""
    message: str
    hint: str
    if isinstance(error, ImageletError):
        code, message, hint = error.code, error.message, error.hint
    elif isinstance(error, KeyboardInterrupt):
        said = [*error.args, "", ""]
        code, message, hint = "interrupted", said[0] or Message("interrupted"), said[1]
    else:
        code = "system" if isinstance(error, OSError | MemoryError) else "unexpected"
        message, hint = _sentence(error)
    return {"code": code, "message": translate(message), "hint": translate(hint)}


def _sentence(error: BaseException) -> tuple[str, str]:
    """Return message and hint for an error that is not imagelet's own."""
    if isinstance(error, OSError) and error.errno is not None:
        problem, hint = _SENTENCES.get(error.errno, (str(error.strerror), ""))
        if error.filename:
            problem = Message("{file}: {problem}", file=error.filename, problem=problem)
        return problem, hint
    if isinstance(error, MemoryError) or _is_torchs_memory_error(error):
        return (
            Message("there is not enough memory for this"),
            Message("try fewer images at a time or a smaller network"),
        )
    reason = " ".join(str(error).split())
    reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return (
        Message("something unexpected went wrong: {reason}", reason=reason),
        Message("run again with --debug to see the traceback"),
    )


def _is_torchs_memory_error(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )
