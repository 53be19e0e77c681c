"""The page itself, and images of a dataset to try."""

import mimetypes
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from numpy.typing import NDArray
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from imagelet.lab.http.schemas import Image, Name, Part, Told
from imagelet.lab.services import encoding
from imagelet.lab.services.classifiers import Classifiers

router = APIRouter()

STATIC = Path(__file__).parents[1] / "static"
FRESH = "no-cache"  # a browser asks each time whether its copy is still right
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}


class Example(Told):
    """An image of a dataset."""

    sample: str
    label: str
    image: Image


class Files(StaticFiles):
    """The page's files; a browser that has one asks whether it is still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or say that it has not changed."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = FRESH
        return answer


def page_files() -> Files:
    """Return the app that serves the page; the types of its files do not depend on the system's tables."""
    for suffix, kind in TYPES.items():
        mimetypes.add_type(kind, suffix)
    return Files(directory=STATIC, html=True)


@router.get("/api/samples", response_model=list[Example], tags=["predict"])
async def samples(
    request: Request,
    classifier: Annotated[Name, Query()],
    part: Annotated[Part, Query()] = "test",
    count: Annotated[int, Query(ge=1, le=100)] = 12,
    seed: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Any:
    """Draw images of the dataset that a classifier learned from, the classes in turn."""
    state = request.app.state
    return await state.work.run(examples, state.classifiers, classifier, part, count, seed)


def examples(
    classifiers: Classifiers, classifier: str, part: str, count: int, seed: int
) -> list[dict[str, Any]]:
    """Return some images of a part as :class:`Example` has them."""
    images = classifiers.part(classifier, part)
    return [
        {
            "sample": f"{part}:{index}",
            "label": images.classes[images.labels[index]],
            "image": encoding.image(np.asarray(images.images[index])),
        }
        for index in drawn(images.labels, count, seed)
    ]


def drawn(labels: NDArray[np.int64], count: int, seed: int) -> list[int]:
    """Return the places of ``count`` images, drawn by chance, so that each class comes once in a round.

    >>> labels = np.array([0, 0, 0, 1, 1, 2])
    >>> [int(labels[place]) for place in drawn(labels, 4, seed=0)]
    [0, 1, 2, 0]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = labels[order]
    rounds = np.zeros(len(order), np.int64)
    for label in np.unique(shuffled):
        of_class = shuffled == label
        rounds[of_class] = np.arange(of_class.sum())
    return [int(place) for place in order[np.lexsort((shuffled, rounds))][:count]]
