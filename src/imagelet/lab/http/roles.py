"""Who asks: the owner of a lab, or in a class the teacher and the pupils; and which routes are for pupils.

A pupil draws, looks inside, reads the course and writes for the class. What is not listed here is for the
teacher alone, so a route that is added later is not open to pupils by accident.
"""

from enum import StrEnum

from starlette.types import Scope

KEY = "imagelet.role"  # in a request's scope


class Role(StrEnum):
    """Who asks."""

    OWNER = "owner"
    TEACHER = "teacher"
    PUPIL = "pupil"


FOR_PUPILS = frozenset(
    {
        ("GET", "/api/session"),
        ("GET", "/api/classifiers"),
        ("POST", "/api/predict"),
        ("POST", "/api/explain"),
        ("POST", "/api/number"),
        ("POST", "/api/ablation"),
        ("GET", "/api/filters"),
        ("GET", "/api/samples"),
        ("POST", "/api/convolve"),
        ("POST", "/api/pool"),
        ("GET", "/api/kernels"),
        ("GET", "/api/networks"),
        ("POST", "/api/network"),
        ("GET", "/api/course"),
        ("GET", "/api/course/pages"),
        ("GET", "/api/class/task"),
        ("POST", "/api/class/join"),
        ("POST", "/api/class/next"),
        ("POST", "/api/class/pictures"),
    }
)
COURSE_PAGE = "/api/course/pages/"


def may_ask(role: Role, method: str, path: str) -> bool:
    """Say whether a request is allowed: all but pupils may ask for everything, and everyone gets the page."""
    if role is not Role.PUPIL:
        return True
    method = "GET" if method == "HEAD" else method
    if method == "GET" and (path.startswith(COURSE_PAGE) or not path.startswith(("/api", "/openapi"))):
        return True
    return (method, path) in FOR_PUPILS


def role_in(scope: Scope) -> Role:
    """Return who asks, as the guard has found out."""
    role: Role = scope.get(KEY, Role.OWNER)
    return role
