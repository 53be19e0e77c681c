"""Forms are read as clients send them, and whatever else comes is refused in one pass."""

import email.policy
from email.message import EmailMessage
from email.parser import BytesParser

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.http.errors import RefusedError
from imagelet.service.form import MOST_PARTS, fields

KIND = "multipart/form-data; boundary=xyz"


def form(*parts: bytes, end: bytes = b"--xyz--\r\n") -> bytes:
    return b"".join(b"--xyz\r\n" + part + b"\r\n" for part in parts) + end


def part(name: bytes, content: bytes) -> bytes:
    return b"Content-Disposition: form-data; name=" + name + b"\r\n\r\n" + content


def test_of_a_client_come_back_whole() -> None:
    files = [
        ("pictures", ("a b.png", bytes(range(256)) * 9, "image/png")),
        ("pictures", ("ü.png", b"", None)),
    ]
    request = httpx.Request("POST", "http://localhost", files=files, data={"framed": "true"})
    found = list(fields(request.read(), request.headers["content-type"]))
    assert found == [("framed", b"true"), ("pictures", bytes(range(256)) * 9), ("pictures", b"")]


@given(
    st.lists(st.tuples(st.text("abcé =;", min_size=1), st.binary(max_size=200)), max_size=8),
    st.text("abcXYZ012", min_size=1, max_size=70),
)
def test_are_what_another_parser_reads(sent: list[tuple[str, bytes]], boundary: str) -> None:
    mark = f"--{boundary}".encode()
    sent = [(name, content) for name, content in sent if mark not in content]
    body = b"".join(
        mark
        + b'\r\nContent-Disposition: form-data; name="'
        + name.encode()
        + b'"\r\n\r\n'
        + content
        + b"\r\n"
        for name, content in sent
    )
    kind = f'multipart/form-data; boundary="{boundary}"'
    assert list(fields(body + mark + b"--\r\n", kind)) == sent
    if sent:
        head = f"Content-Type: {kind}\r\nMIME-Version: 1.0\r\n\r\n".encode()
        parsed = BytesParser(EmailMessage, policy=email.policy.HTTP).parsebytes(
            head + body + mark + b"--\r\n"
        )
        assert len(list(parsed.iter_parts())) == len(sent)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b'"a"', "a"),
        (b"a", "a"),
        (b'"a b"; filename="name=x"', "a b"),
        (b'""', ""),
        (b'"\xff"', "�"),
    ],
)
def test_names_are_read_with_and_without_quotes(text: bytes, name: str) -> None:
    assert list(fields(form(part(text, b"1")), KIND)) == [(name, b"1")]


def test_a_file_name_is_no_name() -> None:
    head = b'Content-Disposition: form-data; filename="name=x"; name="real"\r\n\r\n1'
    assert list(fields(form(head), KIND)) == [("real", b"1")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(part(b"a", b"1")), "multipart/form-data"),
        (form(part(b"a", b"1")), "multipart/form-data; boundary="),
        (form(part(b"a", b"1")), "multipart/form-data; boundary=other"),
        (form(part(b"a", b"1"), end=b""), KIND),
        (form(b"no head"), KIND),
        (form(b"Content-Type: text/plain\r\n\r\n1"), KIND),
        (form(b"Content-Disposition: form-data; filename=a\r\n\r\n1"), KIND),
        (form(b"X: " + b"x" * 5000 + b"\r\n" + part(b"a", b"1")), KIND),
        (b"", KIND),
        (b"--xyz", KIND),
    ],
)
def test_what_is_no_form_is_a_sentence(body: bytes, kind: str) -> None:
    with pytest.raises(RefusedError, match="damaged or cut short") as caught:
        list(fields(body, kind))
    assert caught.value.status == 400


def test_of_very_many_parts_are_not_read() -> None:
    with pytest.raises(RefusedError, match="more than 10,000 parts") as caught:
        list(fields(b"\r\n--xyz" * (MOST_PARTS + 5), KIND))
    assert caught.value.status == 413
