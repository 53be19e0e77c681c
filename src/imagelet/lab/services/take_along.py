"""A run as files that go elsewhere: a page, ONNX, and its whole folder, packed."""

import zipfile
from pathlib import Path

from imagelet.errors import RunError
from imagelet.interop.onnx import export_onnx
from imagelet.interop.page import export_page
from imagelet.runs.run import Run

MOST_BYTES = 2**30  # of the files of a run that are packed


def make_page(run: Run, folder: Path) -> Path:
    """Write a finished run's classifier as one page of HTML into a folder, and return the file.

    Raises:
        UsageError: the page's script cannot compute a layer, or does not know the framing.
    """
    file = folder / f"{run.name}.html"
    export_page(str(run.folder), file)
    return file


def make_onnx(run: Run, folder: Path) -> Path:
    """Write a finished run's classifier as ONNX into a folder, and return the file.

    Raises:
        UsageError: onnx or onnxruntime is not installed, or a layer cannot be written.
    """
    file = folder / f"{run.name}.onnx"
    export_onnx(str(run.folder), file)
    return file


def make_archive(run: Run, folder: Path) -> Path:
    """Pack a run's folder into a zip archive in another folder, and return the file; no link is followed.

    Raises:
        RunError: its files take more than ``MOST_BYTES``.
    """
    files = sorted(path for path in run.folder.rglob("*") if path.is_file() and not path.is_symlink())
    inside = [path for path in files if path.resolve().is_relative_to(run.folder.resolve())]
    if sum(path.stat().st_size for path in inside) > MOST_BYTES:
        raise RunError(
            "the run '{name}' takes more than {most} MB",
            "copy its folder instead",
            name=run.name,
            most=MOST_BYTES // 2**20,
        )
    file = folder / f"{run.name}.zip"
    with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED) as archive:
        for path in inside:
            archive.write(path, Path(run.name) / path.relative_to(run.folder))
    return file
