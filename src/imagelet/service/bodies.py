"""What a request to predict holds: pictures in JSON or in a form, checked alike."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import Headers

from imagelet.http.guard import JSON, media_type
from imagelet.service.form import FORM, fields
from imagelet.service.schemas import Form, Pictures

DESCRIBED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": Pictures.model_json_schema()},
            FORM: {"schema": Form.model_json_schema()},
        },
    }
}
"""The two forms of a body, as OpenAPI describes them."""


def wanted(headers: Headers, body: bytes) -> Pictures | Form:
    """Return what a request asks for.

    Args:
        headers: of the request; they say which form its body has.
        body: the whole of it.

    Raises:
        RequestValidationError: a field is missing, unknown, or not as it must be.
        RefusedError: a form that is none.
    """
    try:
        if media_type(headers) != FORM:
            return Pictures.model_validate_json(body)
        sent: dict[str, Any] = {}
        for name, content in fields(body, headers["content-type"]):
            if name == "pictures":
                sent.setdefault(name, []).append(content)
            else:
                sent[name] = content
        return Form.model_validate(sent)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
