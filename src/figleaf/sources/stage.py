"""The collecting stage: tasks to outcomes, with no ledger in sight.

`read_tasks` and `fetch_tasks` take any part of the tasks, can be repeated, and write nothing but
image files under the names of their hashes. So a run of this process and a cluster can map the same
functions over shards of the ledger, and one writer applies what they give.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import aclosing
from functools import partial

from figleaf.classify.stream import ordered_map
from figleaf.dataset.records import Outcome, Task
from figleaf.sources.fetching.fetch import Fetched, Fetcher, FetchError
from figleaf.sources.intake import Intake
from figleaf.sources.readers.local import Failure, read_local

Done = tuple[Task, Outcome]


def read_tasks(
    tasks: Iterable[Task], intake: Intake, threads: Executor, *, ahead: int, max_bytes: int
) -> Iterator[Done]:
    """Files and members of shards: read one after another, judged on several threads.

    Args:
        tasks: of kind FILE and MEMBER; the members of one shard beside each other.
        intake: what judges and stores.
        threads: where.
        ahead: how many files are held at once.
        max_bytes: the largest file.

    Raises:
        OSError: the store cannot be written.
    """

    def submit(read: tuple[Task, bytes | Failure]) -> Future[Done]:
        task, data = read
        if isinstance(data, Failure):
            done: Future[Done] = Future()
            done.set_result((task, Outcome(task.id, data.reason, data.detail)))
            return done
        return threads.submit(_taken, intake, task, data)

    return ordered_map(submit, read_local(tasks, max_bytes), ahead)


def _taken(intake: Intake, task: Task, data: bytes) -> Done:
    return task, intake.take(task, data)


async def fetch_tasks(
    tasks: Iterable[Task], fetcher: Fetcher, intake: Intake, threads: Executor
) -> AsyncIterator[Done]:
    """URLs: fetched by the thousand, judged on several threads, in the order in which they end.

    Args:
        tasks: of kind URL.
        fetcher: open.
        intake: what judges and stores.
        threads: where.

    Raises:
        OSError: the store cannot be written.
    """
    loop = asyncio.get_running_loop()

    async def handle(task: Task, answer: Fetched | FetchError) -> Done:
        if isinstance(answer, FetchError):
            return task, _failed(task, answer)
        take = partial(
            intake.take,
            task,
            answer.body,
            http_status=answer.http_status,
            attempts=answer.attempts,
            answered_by=answer.final_url,
        )
        return task, await loop.run_in_executor(threads, take)

    async with aclosing(fetcher.run(tasks, handle)) as done:
        async for pair in done:
            yield pair


def _failed(task: Task, error: FetchError) -> Outcome:
    return Outcome(
        task.id, error.reason, error.detail, error.http_status, error.attempts, error.bytes
    )
