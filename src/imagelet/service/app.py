"""The service: its four routes, with the guard around them and the counts around that."""

import asyncio
import base64
import contextlib
import io
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from PIL import Image

from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import Prediction
from imagelet.http.app import new_app
from imagelet.http.guard import JSON, Guard
from imagelet.http.predicting import Result, prediction_or_error, translate_prediction
from imagelet.http.schemas import MOST_PICTURES
from imagelet.messages import Message
from imagelet.service import schemas
from imagelet.service.bodies import DESCRIBED, wanted
from imagelet.service.form import FORM
from imagelet.service.metrics import TEXT, Counted
from imagelet.service.settings import Settings
from imagelet.service.state import CurrentService, Service, open_service

_PROBLEM = {JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
TEXT_ROUTE: dict[int | str, dict[str, Any]] = {  # its errors are JSON all the same
    "4XX": {"description": "Client Error", "content": _PROBLEM},
    503: {"description": "Service Unavailable", "content": _PROBLEM},
}

Note = Callable[[str, str, str, int, float], None]


class ServiceGuard(Guard):
    """The guard of a server that takes forms with files, too; see :class:`imagelet.http.guard.Guard`."""

    body_types = frozenset({JSON, FORM})
    wrong_type = (
        Message("a request's body is JSON or a form with files here"),
        Message("send content-type: application/json or multipart/form-data"),
    )


def create_app(settings: Settings, classifier: Classifier, note: Note | None = None) -> FastAPI:
    """Return the server of one classifier; the routes find the :class:`Service` in ``app.state.service``.

    Args:
        settings: where it listens, and its limits.
        classifier: computes the predictions.
        note: is told the client, method, path, status and seconds of each request.

    Raises:
        ClassifierFileError: the classifier's logits are not finite numbers.
    """
    app = new_app("imagelet serve", _lifespan)
    service = app.state.service = open_service(settings, classifier)
    app.post("/predict", response_model=schemas.Predictions, openapi_extra=DESCRIBED)(predict)
    app.get("/health", response_model=schemas.Health, responses={503: {"model": schemas.Health}})(health)
    app.get("/info", response_model=schemas.Info)(info)
    app.get("/metrics", response_class=PlainTextResponse, responses=TEXT_ROUTE)(metrics)
    routes = frozenset(str(getattr(route, "path", "")) for route in app.routes)
    app.add_middleware(ServiceGuard, settings=settings)
    app.add_middleware(Counted, metrics=service.metrics, routes=routes, note=note)
    return app


async def predict(service: CurrentService, request: Request) -> Any:
    """Predict what each picture shows; one that cannot be read gives an error in its place."""
    asked = wanted(request.headers, await request.body())
    framed = await service.pictures.framed(asked.pictures)
    results = await service.predictions.run("", framed)
    predicted = sum(isinstance(result, Prediction) for result in results)
    service.metrics.count_pictures(predicted=predicted, unreadable=len(results) - predicted)
    facts = [prediction_or_error(result) for result in results]
    for fact in facts:
        translate_prediction(fact)
    if asked.framed:
        await service.threads.run(_add_framed, facts, results)
    return {"classes": service.classifier.classes, "predictions": facts}


async def health(service: CurrentService) -> Any:
    """Say whether the service is ready: 200, else 503."""
    if service.ready:
        return {"status": "ready"}
    return JSONResponse({"status": "loading"}, 503, {"Retry-After": "1"})


async def info(service: CurrentService) -> Any:
    """Say which classifier is served, and what a request may hold."""
    classifier, settings = service.classifier, service.settings
    accuracy = classifier.training.get("validation_accuracy")
    return {
        "name": settings.name,
        "imagelet": version("imagelet"),
        "network": classifier.network_text,
        "classes": classifier.classes,
        "input_shape": classifier.input_shape,
        "dataset": str(classifier.training.get("dataset", "")),
        "validation_accuracy": accuracy if isinstance(accuracy, float) and 0 <= accuracy <= 1 else None,
        "sure_from": classifier.calibration.threshold,
        "limits": {
            "pictures": MOST_PICTURES,
            "bytes": settings.most_bytes,
            "seconds": settings.seconds,
        },
    }


async def metrics(service: CurrentService) -> Response:
    """Return what is counted, as Prometheus reads it."""
    return Response(service.metrics.text(), media_type=TEXT)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    getting_ready = asyncio.create_task(asyncio.to_thread(service.get_ready))
    yield
    getting_ready.cancel()
    service.close()


def _add_framed(facts: Sequence[dict[str, Any]], results: Sequence[Result]) -> None:
    """Add the framed input of each prediction, a PNG file in base64."""
    for fact, result in zip(facts, results, strict=True):
        if isinstance(result, Prediction):
            pixels, file = result.framed_input, io.BytesIO()
            Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
            fact["framed"] = base64.b64encode(file.getvalue()).decode()
