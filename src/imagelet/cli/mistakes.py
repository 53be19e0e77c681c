"""What `imagelet evaluate` prints of single images: mistakes, labels that may be wrong, a cell."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagelet.cli import printing
from imagelet.html_repr import write_percent

if TYPE_CHECKING:
    from imagelet.analysis.evaluate import Evaluation

MOST_MISTAKES = 10  # images that are named,
MOST_SUSPECTS = 5  # of those whose labels may be wrong,
MOST_IN_CELL = 20  # and of a cell


def show(found: "Evaluation", told: Mapping[str, Any]) -> None:
    """Print the surest mistakes, the labels that may be wrong, and the cell that was asked for.

    Args:
        found: an evaluation.
        told: the same as plain data.
    """
    name = "image" if found.pictures is None else "file"
    remarks = () if found.pictures is None else ("remarks",)
    columns = (name, "label", "answer", "probability", *remarks)
    show_some("the surest mistakes", columns, told["mistakes"], MOST_MISTAKES)
    suspects = told["suspects"]
    labels = f"{len(suspects):,} of {found.metrics.images:,} labels may be wrong: look at these images"
    show_some(labels, (name, "label", "suggested", "probability"), suspects, MOST_SUSPECTS)
    if found.cell is not None:
        _show_cell(found, told["cell"])


def show_some(
    heading: str, columns: tuple[str, ...], records: Sequence[Mapping[str, Any]], most: int
) -> None:
    """Print the first of ``records`` under a heading, and how many more there are; nothing of none."""
    if not records:
        return
    printing.say("\n{heading}", heading=heading)
    rows = [[_written(record, column) for column in columns] for record in records[:most]]
    printing.table(columns, rows, right=("image", "probability"))
    if len(records) > most:
        printing.note("{count:,} more; --json lists all of them", count=len(records) - most)


def _written(record: Mapping[str, Any], column: str) -> str:
    if column == "probability":
        return f"{write_percent(record['probability'])} %"
    if column == "remarks":
        return "; ".join(record["warnings"])
    return str(
        record[column]
    )  # of an image its number, without the comma of thousands: it may be typed again


def _show_cell(found: "Evaluation", cell: Mapping[str, Any]) -> None:
    within = cell["images"] if found.pictures is None else cell["files"]
    count = f"{len(within):,} {'image' if len(within) == 1 else 'images'}"
    printing.say(
        "\nlabel {label}, predicted {predicted}: {count}",
        label=cell["label"],
        predicted=cell["answer"],
        count=count,
    )
    if within and found.pictures is None:
        printing.say(", ".join(map(str, within[:MOST_IN_CELL])))
    else:
        for path in within[:MOST_IN_CELL]:
            printing.say(path)
    if len(within) > MOST_IN_CELL:
        printing.note("{count:,} more; --json lists all of them", count=len(within) - MOST_IN_CELL)
    if cell["figure"] is not None:
        printing.say("drawn as {cell}", cell=cell["figure"])
    elif within:
        printing.advice("--out FOLDER draws them")
