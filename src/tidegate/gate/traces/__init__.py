"""The gate for traces, without OpenTelemetry: thresholds by rules and budgets, and the trace state that has them."""
