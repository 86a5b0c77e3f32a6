"""The Flask application, configured by one call instead of the launcher."""

import tidegate

tidegate.configure_observability()

from flask_app import app  # type: ignore[import-not-found]  # noqa: E402

__all__ = ["app"]
