"""What an application calls: thin over OpenTelemetry's API, and never in its way."""
