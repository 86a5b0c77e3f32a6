"""Our environment variables, one constant each: `opentelemetry-instrument` makes a flag of every one.

``OTEL_PYTHON_TIDEGATE_STORE`` becomes ``--tidegate_store``; standard variables have their flags
from OpenTelemetry's own packages.
"""

from tidegate.settings import OPTIONS

globals().update({option.env: option.env for option in OPTIONS if not option.standard})
