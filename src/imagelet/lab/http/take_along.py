"""Taking a classifier along: a finished run as a page, as ONNX, or as it is."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from imagelet.lab.http.runs import finished_run
from imagelet.lab.http.state import CurrentLab, Lab
from imagelet.lab.services import take_along
from imagelet.runs.run import Run

router = APIRouter(prefix="/api", tags=["collect"])

PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}
ONNX: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}


@router.get("/take/{name:path}/page", response_class=FileResponse, responses=PAGE)
async def page(lab: CurrentLab, name: str) -> FileResponse:
    """Send the classifier as one page of HTML that works without a network connection."""
    return await _made(lab, name, take_along.make_page, "text/html")


@router.get("/take/{name:path}/onnx", response_class=FileResponse, responses=ONNX)
async def onnx(lab: CurrentLab, name: str) -> FileResponse:
    """Send the classifier as ONNX, once onnxruntime has given our probabilities."""
    return await _made(lab, name, take_along.make_onnx, "application/octet-stream")


@router.get("/take/{name:path}/run", response_class=FileResponse, responses=ZIP)
async def archive(lab: CurrentLab, name: str) -> FileResponse:
    """Send the run's folder, packed."""
    return await _made(lab, name, take_along.make_archive, "application/zip")


async def _made(lab: Lab, name: str, make: Callable[[Run, Path], Path], kind: str) -> FileResponse:
    """Return the response with a file that is made for it in a folder that is gone afterwards."""
    run = finished_run(lab.runs, name)
    folder = Path(tempfile.mkdtemp(prefix="imagelet-"))
    try:
        file = await lab.threads.run(make, run, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    after = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(file, 200, None, kind, filename=file.name, background=after)
