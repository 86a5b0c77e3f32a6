"""Every span is captured, whether or not it would be sent."""

from __future__ import annotations

from typing import Any, ClassVar

from opentelemetry.sdk.trace.sampling import SamplingResult

from tidegate.record.processors import RecordingSampler


class CapturingSampler(RecordingSampler):
    """Records what ``sampler`` drops, and decides nothing else."""

    #: Whether there is a capture; where a sampler of the application's holds one of these, it stays there idle.
    at_work: ClassVar[bool] = False

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        if self.at_work:
            return super().should_sample(*args, **kwargs)
        return self.sampler.should_sample(*args, **kwargs)

    @staticmethod
    def without(sampler: Any) -> Any:
        """What was there before."""
        return sampler.sampler if isinstance(sampler, CapturingSampler) else sampler
