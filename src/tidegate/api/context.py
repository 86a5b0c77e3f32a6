"""What everything that is recorded here has in common: values that the application sets, and the request's own.

They live in the OpenTelemetry context and go wherever it goes: through ``await``, into tasks and
`asyncio.to_thread`, into threads that the threading instrumentation starts. `tidegate.api.attributes`
puts them on spans and log records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from opentelemetry.context import create_key


class HasAttributes(Protocol):
    """A request that is being handled."""

    def attributes(self) -> Mapping[str, str]:
        """What is known of it by now, by OpenTelemetry's names."""


#: Where the OpenTelemetry context has the request that is being handled, an object like `HasAttributes`.
REQUEST_KEY = create_key("tidegate.request")

_NONE: Mapping[str, str] = {}


def request_attributes(context: Mapping[str, Any]) -> Mapping[str, str]:
    """``user.id``, ``session.id`` and ``request.id`` as far as the request of this OpenTelemetry context has them."""
    request = cast("HasAttributes | None", context.get(REQUEST_KEY))
    return _NONE if request is None else request.attributes()
