"""Every error that Tidegate raises on purpose.

    TidegateError
    ├── ConfigurationError    a setting has a wrong value (also a ValueError)
    ├── QueryError            a question a reader cannot answer as asked (also a ValueError)
    │   └── QueryTimeout      it was not answered within its timeout
    └── StoreError            a store directory cannot be used
        ├── StoreNotFound     there is nothing at the location that was named
        └── FormatError       bytes that are not, or are no longer, a Tidegate segment

Each message says the value that was received, the rule it breaks, and the next step.
None of them is raised into an instrumented application after start.
"""


class TidegateError(Exception):
    """Base class of all errors raised by Tidegate."""


class ConfigurationError(TidegateError, ValueError):
    """A setting has a value that breaks its rule."""


class QueryError(TidegateError, ValueError):
    """A filter, limit or cursor that a reader cannot use."""


class QueryTimeout(QueryError):
    """A question that took longer than its timeout, or was cancelled."""


class StoreError(TidegateError):
    """A store directory that cannot be read or written."""


class StoreNotFound(StoreError):
    """Nothing is stored at the location that was named."""


class FormatError(StoreError):
    """Bytes that are not a Tidegate segment, or are of a newer format."""
