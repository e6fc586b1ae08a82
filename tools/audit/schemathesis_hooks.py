"""What schemathesis may not do: use an Idempotency-Key again with another body, which no description can forbid."""

import uuid
from typing import Any

import schemathesis  # ty: ignore[import-not-found] -- it is in an environment of its own

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """The API answers 422 then (draft-ietf-httpapi-idempotency-key-header, 2.7), and schemathesis would take it for
    a refusal of a valid body. Keys that are wrong are sent as they are."""
    if case.headers and case.headers.get(KEY) and case.meta is not None and case.meta.generation.mode.is_positive:
        case.headers[KEY] = str(uuid.uuid4())
