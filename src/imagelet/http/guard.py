"""The guard before every request: hosts, origins, the token, sizes and headers.

A page on another site can make a visitor's browser send requests to this machine. So a request has to name
this server in ``Host``, because a foreign name that is pointed at 127.0.0.1 (DNS rebinding) does not; and it
must not come from another site's page, which ``Origin`` and ``Sec-Fetch-Site`` say. The name is what counts,
not the port: a forwarded port is another than the server's. But a page's origin has to be ``Host``, port
included, because another port of this machine is another program's. Where others reach the server, a token is
demanded of every request. ``docs/reference/http.md`` has the table of what is answered.

Source: Fetch standard, W3C Fetch Metadata, Content Security Policy level 3.
"""

import asyncio
import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

from imagelet.errors import BusyError, ImageletError
from imagelet.http import errors
from imagelet.http.errors import RefusedError
from imagelet.http.settings import ServerSettings
from imagelet.messages import Message, use_language

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,  # a response that has its own keeps it
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_DIGITS = 18  # of a length
MOST_VALUES = 100_000  # in a request's JSON: 64 by 64 numbers are 4,096
ONCE = ("host", "origin", "sec-fetch-site", "sec-fetch-mode", "content-type", "content-length")
SAFE = frozenset({"GET", "HEAD"})
JSON = "application/json"
OWN_PAGE = frozenset({"same-origin", "none"})  # none: typed, or from a bookmark


class Guard:
    """ASGI middleware around the whole app; the last to see a response, and unexpected errors.

    Attributes:
        body_types: the media types of bodies that are read; an address may take fewer.
        wrong_type: what is said of another one.
        token_hint: how a token is shown.
    """

    body_types = frozenset({JSON})
    wrong_type = (Message("a request's body is JSON here"), Message("send content-type: application/json"))
    token_hint = Message("send the header Authorization: Bearer TOKEN with the token that was printed")

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self.settings = settings
        self._open = 0
        self._bytes = 0  # of the bodies of open requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            with use_language(_language(scope)):
                await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def with_headers(message: ASGIMessage) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        self._open += 1
        body = bytearray()
        try:
            try:
                self._admit(scope)
                if (response := self.early_response(scope)) is not None:
                    await response(scope, receive, with_headers)
                    return
                await self._read(body, Headers(scope=scope), receive)
            except ImageletError as error:
                await errors.response_to(error)(scope, receive, with_headers)
                return
            await self._app(scope, _replayed(bytes(body), receive), with_headers)
        except Exception as error:
            response = errors.unexpected(error)
            if not has_started:
                await response(scope, receive, with_headers)
        finally:
            self._open -= 1
            self._bytes -= len(body)

    def _admit(self, scope: Scope) -> None:
        """Let a request pass, or refuse it before a byte of its body is read.

        Raises:
            RefusedError: a header is there twice, or the host, the token, the page that asks, or the body's
                type is not as it must be.
            BusyError: too many requests are open.
        """
        headers, method = Headers(scope=scope), scope["method"]
        for name in ONCE:
            if len(headers.getlist(name)) > 1:
                raise RefusedError("the request has the header {header} twice", "send it once", header=name)
        host = headers.get("host", "")
        if self.settings.local and not self.settings.is_own(host):
            hint = Message("open {address}", address=self.settings.address)
            raise RefusedError("this server answers to its own address alone", hint, status=421)
        if self.settings.token and not self.shows_token(scope, headers):
            raise RefusedError("this server asks for its token", self.token_hint, status=401)
        if not self._from_own_page(scope, headers, host):
            raise RefusedError("a page of another site may not ask this server", status=403)
        kind = media_type(headers)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if method not in SAFE and kind not in self.body_types and (has_body or kind):
            raise RefusedError(*self.wrong_type, status=415)
        if self._open > self.settings.requests:
            raise BusyError("too many requests are open", "wait a moment and try again")

    def shown_tokens(self, _scope: Scope, headers: Headers) -> list[str]:
        """Return what a request shows as its token, wherever it may show one."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        return [bearer.strip() if scheme.lower() == "bearer" else ""]

    def early_response(self, _scope: Scope) -> Response | None:
        """Return the response to an admitted request that the app need not see."""
        return None

    def opens_page(self, _scope: Scope, _headers: Headers) -> bool:
        """Say whether a request only opens a page of this server, which a link on another site may do."""
        return False

    def shows_token(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request shows the server's token."""
        return self.shows(self.settings.token or "", scope, headers)

    def shows(self, token: str, scope: Scope, headers: Headers) -> bool:
        """Say whether a request shows this token, wherever it may show one."""
        equal = [_equal(text, token) for text in self.shown_tokens(scope, headers)]
        return any(equal)  # all were compared

    def _from_own_page(self, scope: Scope, headers: Headers, host: str) -> bool:
        """Say whether a request comes from the server's own page or from none, or only opens the page."""
        site = headers.get("sec-fetch-site", "none")
        if site not in OWN_PAGE and not self.opens_page(scope, headers):
            return False
        origin = headers.get("origin")
        return origin is None or origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}

    async def _read(self, body: bytearray, headers: Headers, receive: Receive) -> None:
        """Read a request's whole body into ``body``.

        Raises:
            RefusedError: it is too large, holds too many values, or takes too long to arrive.
            BusyError: the bodies of all open requests are too large together.
        """
        most = self.settings.most_bytes
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > MOST_DIGITS or int(length) > most:
            raise _too_large(most)
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                more = True
                while more:
                    message = await receive()
                    more = message["type"] == "http.request" and message.get("more_body", False)
                    part = message.get("body", b"")
                    body += part
                    self._bytes += len(part)
                    if len(body) > most:
                        raise _too_large(most)
                    if self._bytes > self.settings.most_bytes_open:
                        raise BusyError("too much is being sent", "wait a moment and try again")
        except TimeoutError:
            raise RefusedError("the request did not arrive in time", "try again", status=408) from None
        values = sum(body.count(mark) for mark in b"[{,:") if media_type(headers) == JSON else 0
        if values > MOST_VALUES:  # to read them would hold up all others
            raise RefusedError(
                "the request holds more than {count:,} values",
                "send less at once",
                status=413,
                count=MOST_VALUES,
            )


def media_type(headers: Headers) -> str:
    """Return a body's media type, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _equal(shown: str, token: str) -> bool:
    return secrets.compare_digest(shown.encode(errors="replace"), token.encode())


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        "the request is larger than {size:.3g} MB",
        "send fewer or smaller pictures",
        status=413,
        size=most / 2**20,
    )


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that hands over the body that was read, then whatever comes after it."""
    given = False

    async def replay() -> ASGIMessage:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _language(scope: Scope) -> str:
    """Return the language that a request names in a header, or in its query where it can have no header."""
    wanted: str = Headers(scope=scope).get("accept-language", "")
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query.get("language", [wanted])[-1][:2].lower()
