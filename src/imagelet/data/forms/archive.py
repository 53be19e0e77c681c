"""Zip and tar archives with one folder a class, read where they are."""

from pathlib import Path

from imagelet.data.forms.form import PictureForm, forms
from imagelet.data.pictures.archive import open_archive
from imagelet.data.pictures.archive_formats import is_tar, is_zip
from imagelet.data.pictures.webdataset import is_webdataset
from imagelet.messages import Message


def recognises(path: Path) -> bool:
    """Say whether it is a zip archive, or a tar archive of which no label lies beside a picture."""
    return is_zip(path) or (is_tar(path) and not is_webdataset(path))


forms.add(
    "archive",
    PictureForm(
        "archive",
        Message("archive of pictures (.zip, .tar, .tar.gz)"),
        Message("one folder a class, perhaps under train/, val/ and test/; .tar.xz and .tar.bz2, too"),
        recognises,
        open_archive,
    ),
)
