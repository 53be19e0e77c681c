"""Errors as responses: a sentence, what to do next, and a status."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from imagelet.errors import (
    BusyError,
    ConflictError,
    ImageletError,
    NetworkTextError,
    RunError,
    UnknownNameError,
)
from imagelet.messages import Message, message_of, translate

log = logging.getLogger("imagelet.http")

UNEXPECTED = (
    Message("something unexpected went wrong"),
    Message("the window that runs this server says more"),
)
RETRY_SECONDS = 2
_STATUS = {RunError: 404, UnknownNameError: 404, ConflictError: 409, BusyError: 503}
NO_JSON = (Message("the request's body is not JSON"), Message("send a JSON object in UTF-8"))
LISTED = Message("/openapi.json lists what there is")
_HTTP = {
    400: NO_JSON,
    404: (Message("there is nothing at this address"), LISTED),
    405: (Message("this address does not take such a request"), LISTED),
}
# What is wrong with a field, by pydantic's type of error: its own words, as templates that have translations.
FIELD_PROBLEMS = {
    "missing": Message("Field required"),
    "extra_forbidden": Message("Extra inputs are not permitted"),
    "int_type": Message("Input should be a valid integer"),
    "int_parsing": Message("Input should be a valid integer, unable to parse string as an integer"),
    "int_parsing_size": Message("Unable to parse input string as an integer, exceeded maximum size"),
    "int_from_float": Message("Input should be a valid integer, got a number with a fractional part"),
    "float_type": Message("Input should be a valid number"),
    "float_parsing": Message("Input should be a valid number, unable to parse string as a number"),
    "finite_number": Message("Input should be a finite number"),
    "string_type": Message("Input should be a valid string"),
    "string_unicode": Message("Input should be a valid string, unable to parse raw data as a unicode string"),
    "bool_type": Message("Input should be a valid boolean"),
    "bool_parsing": Message("Input should be a valid boolean, unable to interpret input"),
    "list_type": Message("Input should be a valid list"),
    "tuple_type": Message("Input should be a valid tuple"),
    "dict_type": Message("Input should be a valid dictionary"),
    "model_attributes_type": Message("Input should be a valid dictionary or object to extract fields from"),
    "greater_than": Message("Input should be greater than {gt}"),
    "greater_than_equal": Message("Input should be greater than or equal to {ge}"),
    "less_than": Message("Input should be less than {lt}"),
    "less_than_equal": Message("Input should be less than or equal to {le}"),
    "literal_error": Message("Input should be {expected}"),
    "string_too_short": Message("String should have at least {min_length} characters"),
    "string_too_long": Message("String should have at most {max_length} characters"),
    "string_pattern_mismatch": Message("String should match pattern '{pattern}'"),
    "too_short": Message("{field_type} should have at least {min_length} items, not {actual_length}"),
    "too_long": Message("{field_type} should have at most {max_length} items, not {actual_length}"),
}


class RefusedError(ImageletError):
    """A request that the server refuses, with the HTTP status that says why.

    Args:
        message: what was requested, and what is allowed.
        hint: what to do next.
        status: 4xx.
        **values: what the places of both templates stand for.
    """

    def __init__(self, message: str, /, hint: str = "", *, status: int = 400, **values: Any) -> None:
        super().__init__(message, hint, **values)
        self.status = status


def error_response(
    status: int, message: str, hint: str = "", position: int | None = None, field: str | None = None
) -> Response:
    """Return an error as every route gives it: ``{"error": {"message", "hint", …}}``.

    Message and hint are in the language of the request. Where there are such, the error has ``position``;
    ``meant``, the name that was probably meant; and ``field``, that of the request which is wrong: such a
    message is for the program that sent it.
    """
    error: dict[str, Any] = {"message": translate(message), "hint": translate(hint)}
    if name := _meant(message):
        error["meant"] = name
    if position is not None:
        error["position"] = position
    if field is not None:
        error["field"] = field
    content = json.dumps({"error": error})  # in ASCII: a name that was sent may be no text at all
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return Response(content, status, headers, media_type="application/json")


def response_to(error: ImageletError) -> Response:
    """Return the response to an error that was raised on purpose."""
    if isinstance(error, RefusedError):
        return error_response(error.status, error.message, error.hint)
    position = error.position if isinstance(error, NetworkTextError) else None
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
    return error_response(status, error.message, error.hint, position)


def unexpected(error: BaseException) -> Response:
    """Return the response to any other error; what it is goes to the log alone."""
    log.error(Message("a request failed"), exc_info=error)
    return error_response(500, *UNEXPECTED)


def add_to(app: FastAPI) -> None:
    """Let the app respond to every error in this way; what is unexpected is left to the guard."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ImageletError)
        return response_to(error)

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if error.errors()[0]["type"] == "json_invalid":
            return error_response(400, *NO_JSON)
        hint = Message("/openapi.json describes every request")
        problem = _first(error.errors())
        return error_response(422, _sentence(problem, len(error.errors())), hint, field=_field(problem))

    async def unknown(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_response(error.status_code, *_HTTP.get(error.status_code, (str(error.detail), "")))

    app.add_exception_handler(ImageletError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, unknown)


def _meant(message: str) -> str | None:
    """Return the name that an error's suggestion names."""
    meant = message.values.get("meant") if isinstance(message, Message) else None
    return str(meant.values["name"]) if isinstance(meant, Message) else None


def _context(error: Any) -> dict[str, Any]:
    """Return the values of a template; pydantic's ``'a', 'b' or 'c'`` as a message of its own."""
    context: dict[str, Any] = dict(error.get("ctx", {}))
    names, either, last = str(context.get("expected", "")).rpartition(" or ")
    if either:
        context["expected"] = Message("{names} or {last}", names=names, last=last)
    return context


def _first(errors: Sequence[Any]) -> Any:
    """Return the first error, but one that is missing comes last: an unknown one beside it may be meant."""
    return min(errors, key=lambda error: error["type"] == "missing")


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))


def _sentence(first: Any, count: int) -> Message:
    """Say what is wrong with a field: ``pictures: List should have at most 100 items``."""
    field = _field(first)
    template = FIELD_PROBLEMS.get(first["type"])
    cause = first.get("ctx", {}).get("error")
    if template is not None:
        problem = Message(template.template, **_context(first)) if "{" in template.template else template
    else:
        problem = Message(message_of(cause) if isinstance(cause, Exception) else first["msg"])
    more = Message(", and {count} more", count=count - 1) if count > 1 else ""
    if not field:
        return Message("{problem}{more}", problem=problem, more=more)
    return Message("{field}: {problem}{more}", field=field, problem=problem, more=more)
