"""The tabs Class and Write: a class of pupils that writes its own test set, and its result."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathField
from pydantic import Field

from imagelet.errors import PictureError
from imagelet.http.errors import RefusedError
from imagelet.http.schemas import Picture, Received, Sent
from imagelet.lab.http.roles import Role, role_in
from imagelet.lab.http.schemas import Image, Name
from imagelet.lab.http.state import CurrentLab, Lab
from imagelet.lab.services import classroom, encoding
from imagelet.lab.services.classroom import Answer, Classroom, Task
from imagelet.lab.services.qr_code import qr_rows
from imagelet.messages import Message
from imagelet.preprocessing.picture import open_picture

router = APIRouter(prefix="/api", tags=["class"])

MOST_LABELS = 30
FILE = r"^[0-9]{1,9}\.png$"


class Session(Sent):
    """Who asks, and whether there is a class."""

    role: Role
    writing: bool = Field(description="Whether the teacher asks the class to write something.")
    classifier: str | None = Field(description="With which the lab was opened.")


class Asked(Received):
    """What the class is to write."""

    classifier: Name
    labels: list[Name] = Field(min_length=1, max_length=MOST_LABELS)
    times: int = Field(ge=1, le=classroom.MOST_TIMES, description="How often each label, by every pupil.")


class TaskOfClass(Sent):
    """What the class writes."""

    classifier: str
    labels: list[str]
    times: int


class Joining(Received):
    """A pupil's nickname."""

    nickname: str = Field(max_length=classroom.LONGEST_NAME)


class Pupil(Received):
    """A pupil who has joined."""

    nickname: Name
    key: Name


class Handed(Pupil):
    """What a pupil has written."""

    label: Name
    picture: Picture


class Next(Sent):
    """What a pupil writes next."""

    label: str | None = Field(description="null: all is written.")
    done: int
    total: int


class Joined(Next):
    """A pupil who has joined, and what to write first."""

    nickname: str
    key: str


class Person(Sent):
    """A pupil's pictures, and how many of them were predicted correctly."""

    name: str
    correct: int
    images: int


class Wrong(Sent):
    """A picture that the classifier took for something else."""

    path: str
    label: str
    source: str
    predicted: str
    sure: bool
    image: Image


class ClassResult(Sent):
    """How a class writes, and how well the classifier reads it."""

    address: str = Field(description="The pupils' link.")
    qr: list[str] = Field(description="The link as a QR code: a text a row, 1 is dark.")
    task: TaskOfClass | None
    pupils: int
    images: int = 0
    correct: int = 0
    accuracy: float | None
    interval: list[float] | None = Field(description="By person (95 %); null below two people.")
    people: list[Person]
    wrong: list[Wrong] = Field(description="The last first.")
    table: str = Field(description="The file that names the pictures with their labels.")


async def _class(lab: CurrentLab) -> Classroom:
    if lab.classroom is None:
        hint = Message("start it with imagelet lab --class")
        raise RefusedError("this lab is not open for a class", hint, status=404)
    return lab.classroom


CurrentClass = Annotated[Classroom, Depends(_class)]


@router.get("/session", response_model=Session)
async def session(request: Request, lab: CurrentLab) -> Any:
    """Say who asks, and whether the class is to write."""
    writing = lab.classroom is not None and await lab.threads.run(lab.classroom.task) is not None
    return {"role": role_in(request.scope), "writing": writing, "classifier": lab.settings.first}


@router.get("/class", response_model=ClassResult)
async def class_result(lab: CurrentLab, room: CurrentClass) -> Any:
    """Return the pupils' link, what they write, and the classifier's accuracy on it so far."""
    return await lab.threads.run(_result, lab, room)


@router.post("/class/task", response_model=TaskOfClass)
async def ask_for(lab: CurrentLab, room: CurrentClass, body: Asked) -> Any:
    """Ask the class to write something."""
    known = (await lab.threads.run(lab.classifiers.load, body.classifier)).classes
    if foreign := [label for label in body.labels if label not in known]:
        raise RefusedError(
            "'{label}' is no class of {classifier}",
            Message("its classes are {classes}", classes=", ".join(known)),
            label=foreign[0],
            classifier=body.classifier,
        )
    task = Task(body.classifier, tuple(body.labels), body.times)
    await lab.threads.run(room.ask_for, task)
    return task


@router.get("/class/task", response_model=TaskOfClass | None)
async def read_task(lab: CurrentLab, room: CurrentClass) -> Any:
    """Return what the class is to write; null before the teacher asks for anything."""
    return await lab.threads.run(room.task)


@router.post("/class/join", response_model=Joined)
async def join(lab: CurrentLab, room: CurrentClass, body: Joining) -> Any:
    """Join the class under a nickname, and learn what to write first."""
    key = await lab.threads.run(room.join, body.nickname)
    nickname = body.nickname.strip()
    return {"nickname": nickname, "key": key, **await lab.threads.run(room.progress, nickname, key)}


@router.post("/class/next", response_model=Next)
async def next_label(lab: CurrentLab, room: CurrentClass, body: Pupil) -> Any:
    """Say what a pupil who has joined writes next."""
    return await lab.threads.run(room.progress, body.nickname, body.key)


@router.post("/class/pictures", response_model=Next)
async def hand_in(lab: CurrentLab, room: CurrentClass, body: Handed) -> Any:
    """Hand in what a pupil has written; the answer names what comes next."""
    task = await lab.threads.run(room.task_of, body.nickname, body.key)  # else nothing is opened
    async with lab.pictures.opened([body.picture]) as opened:
        if isinstance(picture := opened[0], PictureError):
            raise picture
        predicted = (await lab.predictions.run(task.classifier, opened))["predictions"][0]
        answer = Answer(predicted["predicted"], predicted["sure"])
        await lab.threads.run(room.add, body.nickname, body.key, body.label, picture, answer)
    return await lab.threads.run(room.progress, body.nickname, body.key)


@router.delete("/class/pictures/{path}", response_model=None, status_code=204)
async def remove(lab: CurrentLab, room: CurrentClass, path: Annotated[str, PathField(pattern=FILE)]) -> None:
    """Take a picture out of the class's test set."""
    await lab.threads.run(room.remove, path)


def _result(lab: Lab, room: Classroom) -> dict[str, Any]:
    def predict(classifier: str, files: Any) -> list[Answer]:
        predictions = lab.classifiers.load(classifier).predict(list(files))
        return [Answer(prediction.predicted, prediction.sure) for prediction in predictions]

    result = room.result(predict)
    shown = [{**row, "image": _image(room.folder / row["path"])} for row in result["wrong"]]
    address = lab.settings.pupils_address
    about = {"address": address, "qr": qr_rows(address), "task": room.task(), "table": str(room.table)}
    return {**result, **about, "wrong": shown}


def _image(file: Path) -> dict[str, Any]:
    """Return a picture that the class wrote, as the page draws it."""
    return encoding.image(open_picture(file))
