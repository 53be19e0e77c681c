"""The guard before every request of the lab: a browser's page may show the token in its address or a cookie.

The page's address has the token once; the response turns it into a cookie that no script reads. A lab that is
open for a class has two tokens, and what is asked with the pupils' is held against :mod:`.roles`.
"""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from imagelet.http.errors import RefusedError
from imagelet.http.guard import SAFE, Guard
from imagelet.lab.http.roles import KEY, Role, may_ask
from imagelet.lab.settings import Settings
from imagelet.messages import Message

PAGE = "/"


class PageGuard(Guard):
    """The guard of a server with a page; see :class:`imagelet.http.guard.Guard`."""

    settings: Settings
    token_hint = Message("open the address with ?token=… that imagelet lab has printed")

    def shown_tokens(self, scope: Scope, headers: Headers) -> list[str]:
        """Return the tokens in the header, in the cookie and in the page's address."""
        return [*super().shown_tokens(scope, headers), self._cookie(headers), _token_in_address(scope)]

    def shows_token(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request shows a token of the lab, and note whose.

        Raises:
            RefusedError: it is the pupils', and what is asked for is the teacher's alone.
        """
        pupils = self.settings.pupil_token
        if super().shows_token(scope, headers):
            scope[KEY] = Role.TEACHER if pupils else Role.OWNER
            return True
        if not pupils or not self.shows(pupils, scope, headers):
            return False
        scope[KEY] = Role.PUPIL
        if may_ask(Role.PUPIL, scope["method"], scope["path"]):
            return True
        raise RefusedError("only the teacher can do that", "ask your teacher", status=403)

    def early_response(self, scope: Scope) -> Response | None:
        """Return the response that turns a token in the page's address into a cookie, if there is one."""
        if not self.settings.token or not (token := _token_in_address(scope)):
            return None
        response = RedirectResponse(PAGE, 303)
        response.set_cookie(self._cookie_name, token, httponly=True, samesite="strict")
        return response

    def opens_page(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a browser goes to the page."""
        navigates = headers.get("sec-fetch-mode") == "navigate"
        return scope["method"] in SAFE and navigates and scope["path"] == PAGE

    def _cookie(self, headers: Headers) -> str:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie_name)
        except CookieError:
            return ""
        return cookie.value if cookie is not None else ""

    @property
    def _cookie_name(self) -> str:
        return f"imagelet-lab-{self.settings.port}"  # a host's ports share their cookies


def _token_in_address(scope: Scope) -> str:
    """Return the token in a request's address, which only the page's own may have."""
    if scope["path"] != PAGE or scope["method"] not in SAFE:
        return ""
    token: str = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
    return token
