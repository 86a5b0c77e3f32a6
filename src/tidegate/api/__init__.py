"""What an application calls: thin over OpenTelemetry's API, and never in its way.

events, errors, decorators    track_event, track_error, traced, instrument
metrics, timing, logs         counter, gauge, histogram, timer; log, info, timed_log, get_logger
context, requests             log_context; whose request is being handled
masking                       mask_secret
attributes/                   puts the context on every span and log record
request/                      reads a request of any framework
console/                      log lines: StructuredFormatter, configure_logging, the setting `console`
calls/                        what the calls are made of: `wrapping` is where functions are wrapped, `emitting` where
                              log records leave
"""
