"""`imagelet data list`, `get`, `show`, `check`, `save`: where datasets are, what they hold, other forms."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import completing, printing
from imagelet.cli.commands import (
    PARTS,
    Command,
    DatasetArgument,
    Group,
    Json,
    warn_of_namesake,
    write_shape,
)
from imagelet.cli.show_picture import is_picture, show_file, show_picture
from imagelet.errors import UsageError
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.data import Dataset, FoundFile, ImageSet
    from imagelet.data.checking import Problem
    from imagelet.data.download import RemoteFile
    from imagelet.data.known import KnownDataset

commands = typer.Typer(cls=Group)
data = typer.Typer(cls=Group, help="Datasets: where they are, fetch them, look at them, check them.")
commands.add_typer(data, name="data", epilog="imagelet data show mnist --out grid.png")

SHOWN_AT_MOST = 100  # images in the grid; more take long to draw and are too small to see
SHOWN_OF_A_CLASS = 8
LISTED_OF_A_KIND = 10  # problems; --json lists all
FILES_OF_A_PROBLEM = 3

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A dataset that imagelet data list names.",
        autocompletion=completing.datasets,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("--from", metavar="DIR", help="A folder that holds the official files; no network is used."),
]
Shown = Annotated[
    str,
    typer.Argument(
        metavar="DATASET_OR_FILE",
        autocompletion=completing.datasets,
        help="A dataset's name, a file or folder of your own (imagelet data formats), or a picture file.",
    ),
]
SavedTo = Annotated[
    Path, typer.Argument(metavar="OUT", help="What is written: NAME.npz, NAME.parquet, or a folder.")
]
SavedValidation = Annotated[
    str | None,
    typer.Option(
        "--validation",
        metavar="FRACTION",
        help="Set validation images aside, as imagelet train --validation does.",
        show_default="the dataset's own",
    ),
]
SavedSeed = Annotated[int, typer.Option("--seed", metavar="N", help="For the choice of validation images.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Draw some images of each class, or the picture: grid.png."),
]
NearCopies = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Draw the near copies side by side: near-copies.png."),
]
CardOnly = Annotated[
    bool, typer.Option("--card", help="Only what a dataset is: no image is read, nothing is downloaded.")
]


@data.command("list", cls=Command, epilog="imagelet data list")
def list_(as_json: Json = False) -> None:
    """List the datasets by name: download, licence, place.

    Quick, Draw! is a dataset of any things you name: imagelet data show quickdraw:cat,dog. Arrays that a
    Python program trains on are kept, so that their runs find them again: they are listed, too.

    JSON: datasets[{name, title, images, classes, shape, download, licence, place}], kept; download is in
    bytes, at most, and null where there is none; place is null where they are not on this computer; each of
    the kept has name, images, classes, bytes, folder.
    """
    from imagelet.data.kept import list_kept
    from imagelet.data.known import datasets

    known, kept = [datasets.get(name) for name in datasets], list_kept()
    if as_json:
        printing.document({"datasets": [_listed(dataset) for dataset in known], "kept": kept})
    else:
        _list(known)
        _list_kept(kept)


@data.command(cls=Command, epilog="imagelet data formats")
def formats(as_json: Json = False) -> None:
    """List the forms in which your own data is read.

    Any of them can be given in place of DATASET: imagelet train FILE_OR_FOLDER.

    JSON: forms[{name, title, layout}].
    """
    from imagelet.data.forms.form import PICTURES, PlainForm, forms

    known: list[PlainForm] = [*map(forms.get, forms), *PICTURES]
    listed = [{"name": form.name, "title": form.title, "layout": form.layout} for form in known]
    if as_json:
        printing.document({"forms": listed})
        return
    rows = [(form["title"], form["layout"]) for form in listed]
    printing.table(("form", "what is in it"), rows, whole=("form",))
    printing.advice("imagelet data show FILE_OR_FOLDER says what was understood")


@data.command(cls=Command, epilog="imagelet data get mnist --from ~/Downloads")
def get(name: Name, source_folder: Folder = None, as_json: Json = False) -> None:
    """Fetch a dataset's official files into the cache and verify them.

    They come from the mirrors, or from a folder of yours.

    JSON: name, files[{name, path, size, sha256, official}]; official is false for a file of the right form
    whose SHA-256 is not the official one, null where that is not known.
    """
    from imagelet.data import get_dataset_files

    with printing.progress("fetching {name}", binary=True, name=name) as advance:
        files = get_dataset_files(name, source_folder, progress=advance)
    if as_json:
        printing.document({"name": name, "files": files})
        return
    rows = [(file.path.name, printing.write_size(file.size), _verdict(file)) for file in files]
    printing.table(("file", "size", "SHA-256"), rows, right=("size",))
    printing.say()
    printing.say("in {folder}", folder=files[0].path.parent)
    printing.advice(
        "imagelet data show {name} shows what it holds; imagelet train {name} trains on it", name=name
    )


@data.command(cls=Command, epilog="imagelet data show mnist --out grid.png")
def show(dataset: Shown, out: Out = None, card: CardOnly = False, as_json: Json = False) -> None:
    """Show what a dataset or a picture file holds, and draw it.

    For a dataset: parts, classes, values; the grid shows training images only. For a picture: what a program
    sees, an array of numbers, and the shapes that the same numbers can take.

    JSON: name, title, description, place, images, shape, parts[{part, images, lowest, highest, mean,
    sha256}], classes[{class, name, images}], flips, framing, source, licence, citation, known_accuracy,
    understood, file; understood says what data of your own was taken for and what was left out;
    known_accuracy has percent, source and by_people, and is null where no source was found. With --card
    images is 0 and parts is empty.

    JSON of a picture: file, format, mode, meaning, size, shape, dtype, lowest, highest, mean, channels[{name,
    lowest, highest, mean}], changes, forms[{name, shape, dtype, first, place, value}], out; size is width and
    height, shape to channels are those of the stored numbers, changes is what opening does to them, place is
    the index of value in each form.
    """
    if card and out is not None:
        raise UsageError("--card reads no images, --out draws some", hint="leave one of them out")
    if is_picture(dataset):
        show_picture(dataset, out, as_json=as_json)
        return
    from imagelet.data import load_dataset

    warn_of_namesake(dataset)
    with printing.progress("reading") as advance:
        opened = load_dataset(dataset, progress=advance)
        facts = _facts(opened, {} if card else {part: opened.read(part) for part in opened.parts})
    if out is not None:
        _draw(opened, out)
    if as_json:
        printing.document(facts | {"understood": opened.understood, "file": out})
    else:
        _show(facts)
        for sentence in opened.understood:
            if sentence != facts["description"]:
                printing.say(sentence)
        show_file(out)


@data.command(cls=Command, epilog="imagelet data check my-pictures/")
def check(dataset: DatasetArgument, out: NearCopies = None, as_json: Json = False) -> None:
    """Look for damaged pictures, copies, and test images in training.

    Every picture of a folder is opened; copies are found by their pixels, near copies by a perceptual hash
    and the correlation of their pixels. Copies in two parts, or under two labels, spoil a test and come
    first. The exit code is 0 whatever is found.

    JSON: name, problems[{kind, message, files}], out.
    """
    from imagelet.data.checking import check as find_problems

    warn_of_namesake(dataset)
    with printing.progress("looking at images") as advance:
        problems = find_problems(dataset, progress=advance)
    drawn = _draw_near_copies(problems, out)
    if as_json:
        printing.document({"name": dataset, "problems": problems, "out": drawn})
    elif problems:
        _show_problems(problems)
        show_file(drawn)
    else:
        printing.say("no problems found", style="green")


def _draw_near_copies(problems: list["Problem"], out: Path | None) -> Path | None:
    """Write the near copies side by side; return the file, None where there is nothing to draw."""
    import numpy as np

    from imagelet import plots

    pairs = [problem for problem in problems if problem.images is not None][: SHOWN_AT_MOST // 2]
    if out is None or not pairs:
        return None
    images = np.concatenate([pair.images for pair in pairs if pair.images is not None])
    titles = [f"{number}: {name}" for number, pair in enumerate(pairs, start=1) for name in pair.files]
    plots.save(plots.grid(images, titles, columns=6), out)
    return out


@data.command(cls=Command, epilog="imagelet data save mnist mnist.npz")
def save(
    dataset: DatasetArgument,
    out: SavedTo,
    validation: SavedValidation = None,
    seed: SavedSeed = 0,
    as_json: Json = False,
) -> None:
    """Write a dataset as NAME.npz, NAME.parquet or a folder of PNG files.

    Its parts are those that a training uses: where there is no test part, a fifth is set aside as one. Read
    again, each gives the same images and classes in the same parts; a folder gives them class by class. A
    Parquet file has the columns of Hugging Face's datasets, image and label, and split for the parts.

    JSON: name, file, parts[{part, images}], classes.
    """
    from imagelet.data import load_dataset
    from imagelet.data.saving import parts_to_save, save_parts

    with printing.progress("reading") as advance:
        parts = parts_to_save(load_dataset(dataset, progress=advance), validation, seed)
    with printing.progress("writing {file}", file=out) as advance:
        save_parts(parts, out, advance)
    if as_json:
        counts = [{"part": part, "images": len(images)} for part, images in parts.items()]
        classes = parts["train"].classes
        printing.document({"name": dataset, "file": out, "parts": counts, "classes": classes})
        return
    printing.table(
        ("part", "images"),
        [(PARTS[part], f"{len(images):,}") for part, images in parts.items()],
        right=("images",),
    )
    show_file(out)
    printing.advice("imagelet train {file} trains on it", file=out)


def _show_problems(problems: list["Problem"]) -> None:
    """Print the problems, of each kind the first ones."""
    counts = Counter(problem.kind for problem in problems)
    shown: Counter[str] = Counter()
    rows = []
    for problem in problems:
        shown[problem.kind] += 1
        kind = Message(problem.kind)
        if shown[problem.kind] <= LISTED_OF_A_KIND:
            rows.append((kind, problem.message, _some(problem.files)))
        elif shown[problem.kind] == LISTED_OF_A_KIND + 1:
            more = counts[problem.kind] - LISTED_OF_A_KIND
            rows.append((kind, Message("and {count:,} more like this", count=more), ""))
    printing.table(("kind", "problem", "files"), rows, whole=("kind",))
    totals = (Message("{kind}: {count:,}", kind=Message(kind), count=count) for kind, count in counts.items())
    printing.say()
    printing.say(printing.joined(totals, ", "))
    if max(counts.values()) > LISTED_OF_A_KIND:
        printing.advice("--json lists all of them")


def _some(files: Sequence[str]) -> str:
    listed = ", ".join(files[:FILES_OF_A_PROBLEM])
    more = len(files) - FILES_OF_A_PROBLEM
    return Message("{files} and {count:,} more", files=listed, count=more) if more > 0 else listed


def _listed(known: "KnownDataset") -> dict[str, Any]:
    from imagelet.data import place_of

    framing = known.card.framing
    return {
        "name": known.card.name,
        "title": known.card.title,
        "images": sum(known.images.values()),
        "classes": len(known.card.classes),
        "shape": (framing.height, framing.width, framing.channels) if framing else None,
        "download": sum(file.size for file in known.download) or None,
        "licence": known.card.licence,
        "place": place_of(known.card.name),
    }


def _list(datasets: list["KnownDataset"]) -> None:
    listed = [(_listed(known), known.download) for known in datasets]
    rows = [
        (
            facts["name"],
            f"{facts['images']:,}",
            str(facts["classes"]),
            write_shape(facts["shape"] or ()),
            _size(files),
            facts["licence"],
            _place(facts),
        )
        for facts, files in listed
    ]
    headings = ("name", "images", "classes", "shape", "download", "licence", "place")
    printing.table(headings, rows, right=("images", "classes", "download"), whole=("name",))
    if missing := [facts["name"] for facts, files in listed if files and not facts["place"]]:
        printing.advice(
            "imagelet data get {name} fetches one; training fetches it by itself", name=missing[0]
        )
    printing.advice("imagelet data show {name} --card tells more, before anything is fetched", name="kmnist")


def _size(files: tuple["RemoteFile", ...]) -> str:
    """Return how much is downloaded, with a sign where it may be less."""
    if not files:
        return "–"
    most = printing.write_size(sum(file.size for file in files))
    return most if all(file.exact for file in files) else f"≤ {most}"


def _place(facts: dict[str, Any]) -> str:
    if facts["place"]:
        return str(facts["place"])
    return Message("to be downloaded") if facts["download"] else Message("to be brought, with --from")


def _list_kept(kept: list[dict[str, Any]]) -> None:
    if not kept:
        return
    printing.say()
    printing.say("arrays that are kept for runs", style="bold")
    rows = [
        (
            known["name"],
            f"{known['images']:,}",
            str(known["classes"]),
            printing.write_size(known["bytes"]),
            str(known["folder"]),
        )
        for known in kept
    ]
    printing.table(("name", "images", "classes", "size", "folder"), rows, right=("images", "classes", "size"))
    printing.advice("delete the folder of some when you need no run of them any more")


def _verdict(file: "FoundFile") -> Message:
    if file.official is None:
        return Message("not known")
    return Message("official") if file.official else Message("not the official one")


def _facts(dataset: "Dataset", parts: dict[str, "ImageSet"]) -> dict[str, Any]:
    """Return what the card says, and what the ``parts`` that were read hold."""
    card = dataset.card
    counts = {name: images.counts() for name, images in parts.items()}
    return {
        "name": card.name,
        "title": card.title,
        "description": card.description,
        "place": dataset.place,
        "images": sum(len(images) for images in parts.values()),
        "shape": dataset.shape,
        "parts": [_part_facts(name, images) for name, images in parts.items()],
        "classes": [
            {"class": index, "name": name, "images": {part: counts[part][index] for part in parts}}
            for index, name in enumerate(dataset.classes)
        ],
        "flips": card.flips,
        "framing": card.framing.to_json() if card.framing else None,
        "source": card.source,
        "licence": card.licence,
        "citation": card.citation,
        "known_accuracy": card.known_accuracy and card.known_accuracy._asdict(),
    }


def _part_facts(name: str, images: "ImageSet") -> dict[str, Any]:
    counts = images.histogram()
    values = [value for value, count in enumerate(counts.tolist()) if count]
    pixels = int(counts.sum())
    return {
        "part": name,
        "images": len(images),
        "lowest": min(values, default=255),
        "highest": max(values, default=0),
        "mean": sum(value * int(counts[value]) for value in values) / pixels if pixels else None,
        "sha256": images.fingerprint(),
    }


def _show(facts: dict[str, Any]) -> None:
    mirrored = Message("a mirrored image may be another class")
    if facts["flips"]:
        mirrored = Message("a mirrored image keeps its class")
    shape = write_shape(facts["shape"])
    described = {
        Message("name"): facts["name"],
        Message("title"): facts["title"],
        Message("description"): facts["description"] and Message(facts["description"]),
        Message("place"): facts["place"],
        Message("shape"): Message("{shape} (height, width, channels)", shape=shape),
        Message("mirroring"): mirrored,
        Message("source"): facts["source"],
        Message("licence"): facts["licence"],
        Message("citation"): facts["citation"],
        Message("known accuracy"): facts["known_accuracy"] and _known(**facts["known_accuracy"]),
    }
    if not facts["parts"]:
        described[Message("classes")] = ", ".join(known["name"] for known in facts["classes"])
    printing.facts({name: value for name, value in described.items() if value})
    if facts["parts"]:
        _show_parts(facts)


def _show_parts(facts: dict[str, Any]) -> None:
    """Print what each part holds, and how many images of each class."""
    printing.say()
    rows: list[tuple[str, ...]] = []
    for part in facts["parts"]:
        values = Message("{low} to {high}", low=part["lowest"], high=part["highest"])
        figures = (f"{part['images']:,}", values, f"{part['mean']:.1f}", part["sha256"][:16])
        rows.append((PARTS[part["part"]], *figures))
    printing.table(("part", "images", "values", "mean", "sha256"), rows, right=("images", "values", "mean"))
    printing.say()
    names = [part["part"] for part in facts["parts"]]
    headings = [PARTS[name] for name in names]
    rows = [(known["name"], *(f"{known['images'][name]:,}" for name in names)) for known in facts["classes"]]
    printing.table((Message("class"), *headings), rows, right=headings)


def _known(percent: float, source: str, by_people: bool) -> Message:
    by = Message("by people") if by_people else Message("by a network")
    return Message("{percent:g} % {by}: {source}", percent=percent, by=by, source=source)


def _draw(dataset: "Dataset", path: Path) -> None:
    """Write a picture with some training images of each class, the same at every call."""
    import numpy as np

    from imagelet import plots

    images = dataset.train
    generator = np.random.default_rng(0)
    smallest = int(images.counts().min())
    of_each = max(1, min(SHOWN_OF_A_CLASS, SHOWN_AT_MOST // len(images.classes), smallest))
    chosen: list[int] = []
    for index in range(min(len(images.classes), SHOWN_AT_MOST)):
        members = np.flatnonzero(images.labels == index)
        chosen += sorted(generator.permutation(members)[:of_each].tolist())
    shown = images.take(chosen)
    titles = [images.classes[label] for label in shown.labels]
    columns = of_each if of_each > 1 else 10
    plots.save(plots.grid(shown.images, titles, columns=columns), path)
