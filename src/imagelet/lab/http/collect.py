"""The tab Collect: pictures gathered class by class, looked through, and trained on."""

import io
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from starlette.responses import Response

from imagelet.errors import PictureError
from imagelet.http.pictures import Opened, picture_file
from imagelet.http.schemas import MOST_PICTURES, Fault, Picture, Received, Sent
from imagelet.lab.http.schemas import Name
from imagelet.lab.http.state import CurrentLab, Lab
from imagelet.lab.http.train import Job, TrainingLab
from imagelet.lab.jobs import queue
from imagelet.lab.services import collection_training, collections
from imagelet.lab.services.collections import Collection, Named
from imagelet.messages import translate
from imagelet.preprocessing.picture_files import open_file

router = APIRouter(prefix="/api", tags=["collect"])

THUMBNAIL = 160  # pixels, of the longer side
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
KEEP = {"Cache-Control": "private, max-age=86400"}  # its address has the file's version

CollectionName = Annotated[str, Path(min_length=1, max_length=200)]
Kind = Literal["camera", "drawing", "file"]


class ListedCollection(Sent):
    """A collection among others."""

    name: str
    classes: list[str]
    pictures: int


class CollectedPicture(Sent):
    """A picture of a class."""

    file: str
    version: str = Field(description="Another one when the file has changed.")


class CollectedClass(Sent):
    """A class and its pictures, those that came last first."""

    name: str
    pictures: list[CollectedPicture]


class WholeCollection(Sent):
    """A collection with its pictures."""

    name: str
    folder: str = Field(description="Where it lies, with one subfolder a class.")
    command: str = Field(description="What trains on it on the command line.")
    classes: list[CollectedClass]


class NewCollection(Received):
    """A collection to make."""

    name: Name
    classes: list[Name] = Field([], max_length=collections.MOST_CLASSES)


class NewClass(Received):
    """A class to add; or, with another name, to rename."""

    name: Name
    renamed: Name | None = Field(None, description="The class that gets this name.")


class NewPictures(Received):
    """Pictures of one class."""

    label: Name
    kind: Kind = "file"
    burst: int | None = Field(
        None, ge=0, lt=10**15, description="A number that the pictures of one burst share."
    )
    pictures: list[Picture] = Field(min_length=1, max_length=MOST_PICTURES)


class AddedPicture(Sent):
    """A picture that was added, that was there already, or that cannot be read."""

    file: str | None
    known: str | None = Field(description="The class that had it already.")
    error: Fault | None


class Added(Sent):
    """What became of each picture, in their order, and the collection after it."""

    added: list[AddedPicture]
    collection: WholeCollection


class ChosenPicture(Received):
    """A picture by its class and its file."""

    label: Name
    file: Name


class Chosen(Received):
    """Pictures of a collection."""

    pictures: list[ChosenPicture] = Field(min_length=1, max_length=collections.MOST)

    @property
    def named(self) -> list[Named]:
        """The same as the services take it."""
        return [Named(picture.label, picture.file) for picture in self.pictures]


class Relabelled(Chosen):
    """Pictures, and the class that they are to have."""

    to: Name


class Start(Received):
    """What the training starts from."""

    start: Literal["auto", "none", "mnist", "cifar-10"] = "auto"


@router.get("/collections", response_model=list[ListedCollection])
def list_collections(lab: CurrentLab) -> Any:
    """List the collections, the one that was changed last first."""
    return collections.list_collections(lab.settings.runs)


@router.post("/collections", response_model=WholeCollection)
def create(lab: CurrentLab, body: NewCollection) -> Any:
    """Make a collection: a folder with one subfolder a class."""
    return collections.describe_collection(
        collections.create_collection(lab.settings.runs, body.name, body.classes)
    )


@router.get("/collections/{name}", response_model=WholeCollection)
def one_collection(lab: CurrentLab, name: CollectionName) -> Any:
    """Return a collection with its pictures."""
    return collections.describe_collection(_found(lab, name))


@router.post("/collections/{name}/classes", response_model=WholeCollection)
def change_classes(lab: CurrentLab, name: CollectionName, body: NewClass) -> Any:
    """Add a class, or rename one."""
    collection = _found(lab, name)
    if body.renamed is None:
        collections.add_class(collection, body.name)
    else:
        collections.rename_class(collection, body.renamed, body.name)
    return collections.describe_collection(collection)


@router.delete("/collections/{name}/classes", response_model=WholeCollection)
def remove_class(lab: CurrentLab, name: CollectionName, label: Annotated[Name, Query()]) -> Any:
    """Take a class away that has no pictures."""
    collection = _found(lab, name)
    collections.remove_class(collection, label)
    return collections.describe_collection(collection)


@router.post("/collections/{name}/pictures", response_model=Added)
async def add_pictures(lab: CurrentLab, name: CollectionName, body: NewPictures) -> Any:
    """Add pictures to a class; one that cannot be read gives an error in its place."""
    collection = _found(lab, name)
    collection.class_folder(body.label)  # refused before anything is decoded
    async with lab.pictures.opened(body.pictures) as opened:
        return await lab.threads.run(_added, collection, body, opened)


@router.post("/collections/{name}/move", response_model=WholeCollection)
def move_pictures(lab: CurrentLab, name: CollectionName, body: Relabelled) -> Any:
    """Give pictures another class."""
    collection = _found(lab, name)
    collections.move_pictures(collection, body.named, body.to)
    return collections.describe_collection(collection)


@router.post("/collections/{name}/delete", response_model=WholeCollection)
def delete_pictures(lab: CurrentLab, name: CollectionName, body: Chosen) -> Any:
    """Delete pictures; for a day they can be brought back."""
    collection = _found(lab, name)
    collections.delete_pictures(collection, body.named)
    return collections.describe_collection(collection)


@router.post("/collections/{name}/restore", response_model=WholeCollection)
def restore_pictures(lab: CurrentLab, name: CollectionName, body: Chosen) -> Any:
    """Bring deleted pictures back."""
    collection = _found(lab, name)
    collections.restore_pictures(collection, body.named)
    return collections.describe_collection(collection)


@router.get("/collections/{name}/thumbnail", response_class=Response, responses=PNG)
async def thumbnail(
    lab: CurrentLab,
    name: CollectionName,
    label: Annotated[Name, Query()],
    file: Annotated[Name, Query()],
) -> Response:
    """Send a picture, small, as PNG."""
    path = collections.find_picture(_found(lab, name), Named(label, file))
    return await small_picture(lab, path)


@router.post("/collections/{name}/train", response_model=Job)
def train(lab: TrainingLab, name: CollectionName, body: Start) -> Any:
    """Put a training on a collection into the queue; it is tested at the end, on pictures set aside."""
    experiment = collection_training.experiment_of(_found(lab, name), body.start)
    job = queue.submit(lab.jobs, experiment.to_toml(), lab.settings.queued, test=True)
    return queue.job_facts(lab.jobs, job)


async def small_picture(lab: Lab, path: FilePath) -> Response:
    """Return the response with a picture file's pixels, small."""
    content = await lab.threads.run(_read, path)
    async with lab.pictures.opened([content]) as (picture,):
        if isinstance(picture, PictureError):
            raise picture
        return Response(await lab.threads.run(_shrunk, picture), 200, KEEP, "image/png")


def _found(lab: Lab, name: str) -> Collection:
    return collections.find_collection(lab.settings.runs, name)


def _added(collection: Collection, body: NewPictures, opened: list[Opened]) -> dict[str, Any]:
    """Keep the pictures that could be opened, and say what became of each."""
    readable = [
        (picture_file(file), pixels)
        for file, pixels in zip(body.pictures, opened, strict=True)
        if not isinstance(pixels, PictureError)
    ]
    added = iter(collections.add_pictures(collection, body.label, body.kind, readable, body.burst))
    return {
        "added": [
            {"file": None, "known": None, "error": _fault(pixels)}
            if isinstance(pixels, PictureError)
            else {**next(added), "error": None}
            for pixels in opened
        ],
        "collection": collections.describe_collection(collection),
    }


def _read(path: FilePath) -> bytes:
    with open_file(path, path.name) as file:
        return file.read()


def _fault(error: PictureError) -> dict[str, Any]:
    return {"message": translate(error.message), "hint": translate(error.hint)}


def _shrunk(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as the content of a PNG file of at most ``THUMBNAIL`` pixels a side."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()
