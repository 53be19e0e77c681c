"""Make notebooks of the scripts in ``examples/notebooks``: ``python -m tools.notebooks``.

A script is what is written and reviewed: cells begin with ``# %%``, those of words with ``# %% [markdown]``.
The notebook beside it has no outputs, and cells with fixed names: equal scripts give equal notebooks.
"""

from pathlib import Path

import jupytext
import nbformat

from imagelet import atomic_files

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(script: Path) -> str:
    """Return the notebook of a script, as the text of its file."""
    made = jupytext.reads(script.read_text("utf-8"), fmt="py:percent")
    for number, cell in enumerate(made.cells, start=1):
        cell["id"] = f"cell-{number}"
        cell.metadata = {}
    made.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    nbformat.validate(made)
    text: str = nbformat.writes(made)  # type: ignore[no-untyped-call]
    return text + "\n"


def notebooks() -> dict[Path, str]:
    """Return the text of each notebook by its file."""
    return {script.with_suffix(".ipynb"): notebook(script) for script in sorted(FOLDER.glob("*.py"))}


if __name__ == "__main__":
    for file, text in notebooks().items():
        atomic_files.write_text(file, text)
