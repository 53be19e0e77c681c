"""The page that shows the same tasks in other tools counts the lines that it shows."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "other-tools.md"
BLOCK = re.compile(r"<!-- not run: it is (\w+)'s, ([\w ]+) -->\n```python\n(.*?)```", re.DOTALL)
TASKS = ("a folder", "arrays", "a table")
OURS = 4


def lines_of(text: str) -> int:
    """Return how many lines are not blank."""
    return sum(bool(line.strip()) for line in text.splitlines())


def counted() -> dict[str, dict[str, int]]:
    """Return the lines by tool and task; a network that a tool needs is counted in each task."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for tool, task, code in BLOCK.findall(PAGE.read_text("utf-8")):
        compile(code, f"{tool}, {task}", "exec")
        found[tool][task] = lines_of(code)
    return {
        tool: {task: lines[task] + lines.get("network", 0) for task in TASKS} for tool, lines in found.items()
    }


def in_the_table() -> dict[str, list[int]]:
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name: [int(number) for number in numbers] for name, *numbers in rows}


@pytest.mark.parametrize("tool", ["Keras", "fastai", "Ultralytics", "Ludwig", "skorch"])
def test_the_lines_of_each_tool_are_counted(tool: str) -> None:
    assert in_the_table()[tool] == [*counted()[tool].values()]


def test_ours_are_counted_too() -> None:
    first = re.search(r"## imagelet\n\n```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert first is not None
    assert lines_of(first[1]) == OURS
    assert in_the_table()["imagelet"] == [OURS] * len(TASKS)
