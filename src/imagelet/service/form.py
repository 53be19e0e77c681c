"""Forms with files (multipart/form-data), as ``curl -F`` and requests send them, read in one pass.

Source: RFC 7578; RFC 2046, section 5.1.
"""

import re
from collections.abc import Iterator

from imagelet.http.errors import RefusedError

FORM = "multipart/form-data"
MOST_PARTS = 10_000  # of a form; each takes some memory
MOST_HEAD_BYTES = 2**12  # of a part
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?[;\s]name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE
)


def fields(body: bytes, content_type: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each field of a form, in their order.

    Args:
        body: the whole body of a request.
        content_type: the header of that name: it says what stands between the parts.

    Raises:
        RefusedError: it is no form, or has too many parts.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _malformed()
    mark = b"\r\n--" + (boundary[1] or boundary[2]).encode("latin-1")
    _, *parts = (b"\r\n" + body).split(mark, MOST_PARTS + 1)
    if len(parts) > MOST_PARTS:
        raise RefusedError(
            "the form has more than {count:,} parts",
            "send fewer pictures at once",
            status=413,
            count=MOST_PARTS,
        )
    for part in parts:
        if part.startswith(b"--"):
            return
        head, blank, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head) if len(head) <= MOST_HEAD_BYTES else None
        if not blank or name is None:
            raise _malformed()
        yield (name[1] if name[1] is not None else name[2]).decode("utf-8", "replace"), content
    raise _malformed()  # its end is missing


def _malformed() -> RefusedError:
    return RefusedError("the form is damaged or cut short", "curl -F pictures=@photo.png sends a sound one")
