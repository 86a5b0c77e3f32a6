"""What tests need: to see what a program records, and a receiver that can fail.

    from tidegate.testing import capture

    with capture() as telemetry:
        place_order()
    assert telemetry.span("place_order", items=3).kind == "INTERNAL"
    assert telemetry.metric("orders") == 1

`capturing` puts `taps` into all providers (`stage` holds what captures share), `keeping` holds what comes,
`telemetry` answers. The pytest plugin makes a fixture of it. Nothing here needs pytest, or writes a file.
"""

from __future__ import annotations

from tidegate.testing.capturing import capture
from tidegate.testing.measured import Distribution
from tidegate.testing.receiver import OTLPReceiver
from tidegate.testing.telemetry import Telemetry

__all__ = ["Distribution", "OTLPReceiver", "Telemetry", "capture"]
