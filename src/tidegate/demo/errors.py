"""What ends a demo early."""

from tidegate.errors import TidegateError


class DemoError(TidegateError):
    """The demo cannot start or go on; ``output`` is what its server printed, if that tells more."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output
