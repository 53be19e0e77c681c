"""Write the lock files: every package that imagelet brings in, pinned, with the hashes of its files.

``requirements.lock`` is for users, ``requirements-dev.lock`` for developers. Versions are those of
``constraints.txt``; what only other systems need is there with a marker. Torch and the libraries of CUDA that
it brings are left out: its wheels differ by index and by processor, and so do their hashes; it is pinned by
its version alone. ``python -m tools.lock`` needs an index.
"""

import sys
import tempfile
from pathlib import Path

from tools.lowest import ROOT, TORCH, Lowest

LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("dev", "docs")}
OLDEST = "3.11"
HEADER = "# Written by `python -m tools.lock`; its docstring says what is in here, and why torch is not.\n"


def without_torch(text: str) -> str:
    """Return a lock file's text without torch and what it brings; an entry goes on in indented lines."""
    kept, leaving = [], False
    for line in text.splitlines(keepends=True):
        if not line.startswith((" ", "\t")):
            leaving = bool(TORCH.match(line.lower()))
        if not leaving:
            kept.append(line)
    return "".join(kept)


def main() -> int:
    """Write both files."""
    with tempfile.TemporaryDirectory(prefix="imagelet-lock-") as folder:
        tools = Lowest(Path(folder))
        tools.install_uv()
        for name, extras in LOCKS.items():
            written = Path(folder) / name
            tools.run(
                *(tools.uv, "pip", "compile", "-q", "--universal", "--python-version", OLDEST),
                *("--generate-hashes", "--no-annotate", "--no-header", "-c", "constraints.txt"),
                *(word for extra in extras for word in ("--extra", extra)),
                *("-o", written, "pyproject.toml"),
            )
            (ROOT / name).write_text(HEADER + without_torch(written.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
