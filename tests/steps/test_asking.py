"""Rows at the teacher: what a run that is given up leaves behind."""

import asyncio
import gc
from contextlib import suppress

from datasets import Dataset

from fanno_hf.steps.asking import ask_rows, outcome


class Stopped:
    """A service that is closed while it is asked: the first batch hears so before the others do."""

    asked = 0

    async def follow(self, ways):
        self.asked += 1
        if self.asked == 1:
            await asyncio.sleep(0)
            raise asyncio.CancelledError
        await asyncio.get_running_loop().create_future()


def test_a_run_that_is_given_up_leaves_no_task_behind(caplog):
    async def way(row, ask):
        return outcome()

    rows = Dataset.from_dict({"number": list(range(200))})
    with suppress(asyncio.CancelledError):
        ask_rows(rows, Stopped(), way, {}, "ask", counted=lambda *_: None)
    gc.collect()
    assert "Task was destroyed" not in caplog.text
