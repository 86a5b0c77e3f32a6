"""How much of a core deciding and sending take, in a process that has other work."""

from __future__ import annotations

#: Time in seconds for which a share that was not used may be made up for: what comes now and then goes out at once.
BURST_S = 1.0


class Share:
    """At most ``share`` of one core, over all threads that say what they used. Pure: ``now`` is the caller's clock.

    Two threads that say so at the same moment may lose the smaller of two sums, some milliseconds.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._paid = float("-inf")

    def rest(self, used: float, now: float) -> float:
        """For how many seconds to do nothing, after ``used`` seconds of CPU time."""
        self._paid = paid = max(self._paid, now - BURST_S) + used / self.share
        return max(0.0, paid - now)
