"""The table of bgapi commands whose results have not come."""

import asyncio
import gc

import pytest

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.jobs import JobLost, JobTable
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import JobId


@pytest.fixture
def jobs() -> JobTable:
    return JobTable(NodeCounters())


def result(job_id: str, body: str) -> SwitchEvent:
    return SwitchEvent({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_id}, body)


async def test_a_result_goes_to_its_job_and_leaves_the_table(jobs: JobTable) -> None:
    one, two = jobs.expect(JobId("1")), jobs.expect(JobId("2"))
    jobs.on_result(result("2", "two"))
    assert (one.finished, two.finished) == (False, True)
    assert await two.result() == "two"
    assert len(jobs) == 1


async def test_results_of_other_clients_are_passed_over(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    jobs.on_result(result("theirs", "x"))
    jobs.on_result(SwitchEvent({}))
    assert not job.finished


async def test_a_job_id_is_used_once_at_a_time(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    with pytest.raises(ValueError, match="under way"):
        jobs.expect(job.job_id)


async def test_a_job_that_nobody_holds_leaves_the_table(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    waiting = asyncio.create_task(job.result())
    del job
    await asyncio.sleep(0)
    assert len(jobs) == 1
    waiting.cancel()
    await asyncio.wait([waiting])
    del waiting
    gc.collect()
    assert len(jobs) == 0


async def test_a_job_is_forgotten_at_the_end_of_its_with(jobs: JobTable) -> None:
    with jobs.expect(JobId("1")) as job:
        assert len(jobs) == 1
    assert len(jobs) == 0
    assert not job.finished


async def test_a_cancelled_wait_can_be_taken_up_again(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    waiting = asyncio.create_task(job.result())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    jobs.on_result(result("1", "one"))
    assert await job.result() == "one"


async def test_all_who_wait_hear_of_a_loss_once_and_may_wait_on(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    waiting = [asyncio.create_task(job.result()) for _ in range(2)]
    await asyncio.sleep(0)
    jobs.lose(jobs.under_way(), "interrupted", gone=False)
    for task in waiting:
        with pytest.raises(JobLost):
            await task
    jobs.on_result(result("1", "one"))
    assert await job.result() == "one"


async def test_a_result_overtakes_a_loss_that_nobody_has_seen(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    jobs.lose(jobs.under_way(), "interrupted", gone=False)
    jobs.on_result(result("1", "one"))
    assert await job.result() == "one"


async def test_a_job_that_is_gone_stays_lost(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    jobs.lose(jobs.under_way(), "restarted", gone=True)
    jobs.on_result(result("1", "forged"))
    for _ in range(2):
        with pytest.raises(JobLost) as lost:
            await job.result()
        assert lost.value.gone
    assert len(jobs) == 0


async def test_a_job_with_a_result_is_not_lost_any_more(jobs: JobTable) -> None:
    job = jobs.expect(JobId("1"))
    at_risk = jobs.under_way()
    jobs.on_result(result("1", "one"))
    jobs.lose(at_risk, "interrupted", gone=True)
    assert await job.result() == "one"
