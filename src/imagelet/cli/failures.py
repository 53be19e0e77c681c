"""What the user reads when something went wrong, and the exit code: the one place for both."""

import errno

from imagelet.cli import printing
from imagelet.errors import ImageletError, NetworkTextError

INTERRUPTED = 130

_SENTENCES = {
    errno.ENOSPC: ("the disk is full", "make room, or set IMAGELET_HOME and IMAGELET_RUNS to another disk"),
    getattr(errno, "EDQUOT", -1): (
        "the disk quota is used up",
        "make room, or set IMAGELET_HOME and IMAGELET_RUNS elsewhere",
    ),
    errno.EACCES: ("no permission", "choose another place, or change the permissions"),
    errno.EPERM: ("no permission", "choose another place, or change the permissions"),
    errno.EROFS: ("the disk can only be read", "choose another place"),
    errno.ENOENT: ("there is no such file or folder", "check the spelling; quote names with spaces"),
    errno.EEXIST: ("is there already, and is no folder", "name a folder, or a place where nothing is yet"),
    errno.ENOTDIR: ("goes through a file as if it were a folder", "name another folder"),
    errno.EISDIR: ("is a folder, not a file", "add a file's name"),
    errno.EMFILE: ("too many files are open", "raise the limit: ulimit -n 4096"),
}


def report(error: BaseException, *, debug: bool) -> int:
    """Print one sentence about ``error`` to standard error and return the exit code.

    Args:
        error: what ended the command.
        debug: print the traceback first.
    """
    if debug:
        printing.show_traceback(error)
    if isinstance(error, KeyboardInterrupt):
        printing.note(str(error.args[0]) if error.args else "interrupted")
        for hint in error.args[1:]:  # what was saved, and how to go on
            printing.advice(str(hint))
        return INTERRUPTED
    if isinstance(error, NetworkTextError) and error.text:
        printing.failure(error.message)
        printing.pointer(error.text, error.position)
        if error.hint:
            printing.advice(error.hint)
        return error.exit_code
    if isinstance(error, ImageletError):
        printing.failure(error.message, error.hint)
        return error.exit_code
    printing.failure(*_sentence(error))
    return 1


def _sentence(error: BaseException) -> tuple[str, str]:
    """Return message and hint for an error that is not imagelet's own."""
    if isinstance(error, OSError) and error.errno is not None:
        what, hint = _SENTENCES.get(error.errno, (str(error.strerror), ""))
        return (f"{error.filename}: {what}" if error.filename else what), hint
    if isinstance(error, MemoryError) or _is_torchs_memory_error(error):
        return "there is not enough memory for this", "try fewer images at a time or a smaller network"
    said = " ".join(str(error).split())
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"something unexpected went wrong: {what}", "run again with --debug to see the traceback"


def _is_torchs_memory_error(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )
