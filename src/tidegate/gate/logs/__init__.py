"""The log gate, without OpenTelemetry: `gate` decides on a record, `sieve` is all of it, locks included."""
