"""SECURITY.md names the limits that hold."""

from pathlib import Path

from imagelet.data import batch_pickle, idx, matlab, transfer
from imagelet.data.official import cifar
from imagelet.data.pictures import archive, archive_formats, parquet_pages
from imagelet.http import connections, decoding_worker, schemas
from imagelet.interop import keras_file
from imagelet.lab.settings import Settings
from imagelet.preprocessing import picture_limits
from imagelet.service.settings import Settings as ServiceSettings

ROOT = Path(__file__).parents[1]
MEGABYTE = 2**20


def test_the_page_names_the_limits_that_hold(tmp_path: Path) -> None:
    lab = Settings(tmp_path)
    archives = (cifar.LARGEST_BATCH, cifar.LARGEST_ARCHIVE, idx.LARGEST_CONTENT)
    rows = {
        "a picture's pixels, and the memory that opening it takes": (
            f"{picture_limits.MAX_PIXELS:,}; {picture_limits.MAX_BYTES // MEGABYTE} MB"
        ),
        "scans of a JPEG": f"{picture_limits.MAX_SCANS}",
        "decoding one picture in the lab, or decoding and framing it in a service": (
            f"{decoding_worker.SECONDS} seconds"
        ),
        "a request to the lab or to a service": (
            f"{lab.most_bytes // MEGABYTE} MB, {schemas.MOST_PICTURES} pictures, {lab.seconds:.0f} seconds"
        ),
        "requests that are open at once: to the lab, to a service; connections to either": (
            f"{lab.requests}; {ServiceSettings(name='any').requests}; {connections.MOST_CONNECTIONS}"
        ),
        "a batch file of CIFAR; an archive, unpacked; an IDX file, unpacked": "; ".join(
            f"{size // MEGABYTE:,} MB" for size in archives
        ),
        "a variable of a MATLAB file, its variables, structs in structs": (
            f"{matlab.LARGEST // MEGABYTE:,} MB; {matlab.MOST_VARIABLES:,}; {matlab.DEEPEST}"
        ),
        "the settings of a model of Keras, its layers, models in models": (
            f"{keras_file.LARGEST_CONFIG // MEGABYTE} MB; {keras_file.MOST_LAYERS:,}; {keras_file.DEEPEST}"
        ),
        "members of an archive of pictures, folders in each other; a packed tar archive, unpacked": (
            f"{archive_formats.MOST_MEMBERS:,}; {archive.MOST_DEEP}; {archive_formats.MOST_RATIO} times "
            f"its size, {archive_formats.SMALLEST_LIMIT // MEGABYTE} MB in any case"
        ),
        "a page of a Parquet file, unpacked": (
            f"{parquet_pages.MOST_RATIO} times its size, "
            f"{parquet_pages.SMALLEST_LIMIT // MEGABYTE} MB in any case; "
            f"never more than {(picture_limits.MAX_BYTES + parquet_pages.SMALLEST_LIMIT) // MEGABYTE} MB"
        ),
        "instructions of a pickle": f"{batch_pickle.MOST_INSTRUCTIONS:,}",
        "a download": (
            f"{transfer.LONGEST / 60:.0f} minutes in all, and at least {transfer.LEAST:,} bytes "
            f"in each {transfer.WINDOW:.0f} seconds"
        ),
    }
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    table = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert table == [f"| {what} | {most} |" for what, most in rows.items()]


def test_the_first_pages_lead_to_it() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "(SECURITY.md)" in (ROOT / page).read_text("utf-8")
