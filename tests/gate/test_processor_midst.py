"""What is emitted in the midst of another record's handing on: echoes, complaints, a signal handler's last words."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from gating import Gated


class Says(LogRecordProcessor):
    """A processor behind the gate that emits something whenever it is given a record of ``logger``."""

    def __init__(self, severity: SeverityNumber, error: type[BaseException] | None = None) -> None:
        self.severity, self.error = severity, error
        self.gated: Gated | None = None
        self.said = 0

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        assert self.gated is not None
        self.said += 1
        self.gated.provider.get_logger("signal").emit(LogRecord(severity_number=self.severity, body="in the midst"))
        if self.error is not None and self.said == 1:
            raise self.error

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def gated(behind: Says) -> Gated:
    found = behind.gated = Gated(behind=[behind])
    return found


def test_an_error_in_the_midst_is_passed_on_after_the_record() -> None:
    one = gated(Says(SeverityNumber.ERROR))
    one.log.warning("a record")
    assert one.bodies() == ["a record", "in the midst"]


def test_an_error_in_the_midst_is_passed_on_though_the_midst_ends_the_program() -> None:
    one = gated(Says(SeverityNumber.ERROR, SystemExit))
    with pytest.raises(SystemExit):
        one.log.warning("a record")
    one.processor.force_flush()
    assert one.bodies()[:2] == ["a record", "in the midst"]


def test_what_is_no_error_is_left_out() -> None:
    one = gated(Says(SeverityNumber.INFO))
    one.log.warning("a record")
    assert one.bodies() == ["a record"]


def test_a_pipeline_that_complains_of_each_record_is_not_fed_for_ever() -> None:
    says = Says(SeverityNumber.ERROR)
    one = gated(says)
    for number in range(10):
        one.log.error("record %d", number)
    assert says.said == 20
    assert one.processor.left_out == 10


class StartsTask(logging.Handler):
    """A handler that leaves work to a task, as asynchronous clients do."""

    def __init__(self, work: Any) -> None:
        super().__init__()
        self.work = work
        self.tasks: list[asyncio.Task[None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not self.tasks:
            self.tasks.append(asyncio.get_running_loop().create_task(self.work()))


def test_a_task_that_a_downstream_handler_starts_may_log_later() -> None:
    async def main() -> list[Any]:
        async def work() -> None:
            await asyncio.sleep(0)
            one.provider.get_logger("task").emit(LogRecord(severity_number=SeverityNumber.ERROR, body="of the task"))

        handler = StartsTask(work)
        one = Gated(downstream_handler=handler)
        one.log.error("a record")
        await asyncio.gather(*handler.tasks)
        return one.bodies()

    assert asyncio.run(main()) == ["a record", "of the task"]


@pytest.mark.parametrize("early", [False, True], ids=["processor", "filter"])
def test_an_error_in_the_midst_of_judging_is_passed_on(monkeypatch: pytest.MonkeyPatch, early: bool) -> None:
    one = Gated(early=early, context=False, min_rate=0, severity_rates={"INFO": 0})
    one.log.info("hello %s", 1)
    miner = one.processor._sieve.miner
    match = miner.match_record

    def interrupted(*arguments: Any) -> Any:
        monkeypatch.undo()
        logger = one.provider.get_logger("signal")
        logger.emit(LogRecord(severity_number=SeverityNumber.ERROR, body="from a signal handler"))
        return match(*arguments)

    monkeypatch.setattr(miner, "match_record", interrupted)
    one.log.info("other %s", 2)
    assert "from a signal handler" in one.bodies()
    assert one.seen() == 3
