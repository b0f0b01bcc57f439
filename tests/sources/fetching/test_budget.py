"""Memory for bodies: never more than the limit and one file, and never a standstill."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.errors import InputError
from figleaf.sources.fetching.budget import ByteBudget


def test_what_fits_is_taken_at_once() -> None:
    budget = ByteBudget(100)
    first, second = budget.hold(), budget.hold()
    assert first.try_grow(60)
    assert second.try_grow(40)
    assert not second.try_grow(1)
    assert budget.held == 100
    first.release()
    first.release()
    assert budget.held == 40


def test_the_oldest_may_exceed_the_limit() -> None:
    budget = ByteBudget(100)
    oldest, younger = budget.hold(), budget.hold()
    assert younger.try_grow(100)
    assert oldest.try_grow(500)
    assert not younger.try_grow(1)
    oldest.release()
    assert younger.try_grow(1), "it is the oldest now"


def test_who_waits_goes_on_when_there_is_room() -> None:
    async def main() -> None:
        budget = ByteBudget(100)
        first, second, third = budget.hold(), budget.hold(), budget.hold()
        assert first.try_grow(90)
        waiting = [asyncio.create_task(second.grow(50)), asyncio.create_task(third.grow(60))]
        await asyncio.sleep(0)
        assert budget.held == 90
        first.release()
        await waiting[0]
        assert (second.size, third.size) == (50, 0)
        second.shrink(40)
        await waiting[1]
        assert budget.held == 70

    asyncio.run(main())


def test_who_comes_later_does_not_overtake() -> None:
    async def main() -> None:
        budget = ByteBudget(100)
        first, second, third = budget.hold(), budget.hold(), budget.hold()
        assert first.try_grow(50)
        waiting = asyncio.create_task(second.grow(60))
        await asyncio.sleep(0)
        assert not third.try_grow(10)
        first.release()
        await waiting
        assert third.try_grow(10)

    asyncio.run(main())


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    async def main() -> None:
        budget = ByteBudget(100)
        first, second, third = budget.hold(), budget.hold(), budget.hold()
        assert first.try_grow(100)
        waiting = [asyncio.create_task(hold.grow(50)) for hold in (second, third)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        second.release()
        first.release()
        await waiting[1]
        assert budget.held == 50
        third.release()
        assert budget.held == 0

    asyncio.run(main())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 80), min_size=1, max_size=5), min_size=1, max_size=25),
    st.integers(1, 150),
    st.randoms(use_true_random=False),
)
def test_every_file_comes_through_and_the_limit_holds(
    files: list[list[int]], limit: int, chance: random.Random
) -> None:
    async def read(budget: ByteBudget, sizes: list[int]) -> None:
        with budget.hold() as hold:
            for size in sizes:
                if not hold.try_grow(size):
                    await hold.grow(size)
                assert budget.held <= limit + largest
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
            assert hold.size == sum(sizes)

    async def main() -> None:
        budget = ByteBudget(limit)
        await asyncio.wait_for(asyncio.gather(*(read(budget, sizes) for sizes in files)), 20)
        assert budget.held == 0

    largest = max(sum(sizes) for sizes in files)
    asyncio.run(main())


def test_no_limit_is_a_mistake() -> None:
    with pytest.raises(InputError, match="above zero"):
        ByteBudget(0)
