import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from figleaf.classify.stream import chunked, ordered_map, weighed


def test_results_come_in_order_whatever_takes_longest() -> None:
    first_may_go = threading.Event()

    def slow_first(number: int) -> int:
        if number == 0:
            assert first_may_go.wait(10)
        if number == 3:
            first_may_go.set()
        return number * number

    with ThreadPoolExecutor(2) as threads:
        assert list(ordered_map(lambda n: threads.submit(slow_first, n), range(9), 4)) == [
            n * n for n in range(9)
        ]


def test_no_more_is_read_than_was_said() -> None:
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    with ThreadPoolExecutor(2) as threads:
        results = ordered_map(lambda n: threads.submit(int, n), endless(), 5)
        for expected in range(1, 100):
            assert next(results) == expected
            assert read <= expected + 5


def test_an_error_reaches_the_consumer_and_cancels_the_rest() -> None:
    done: list[int] = []
    gate = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            raise ValueError("broken")
        gate.wait(10)
        done.append(number)
        return number

    with ThreadPoolExecutor(1) as threads:
        results = ordered_map(lambda n: threads.submit(work, n), range(100), 10)
        with pytest.raises(ValueError, match="broken"):
            next(results)
        gate.set()
    assert len(done) <= 1


def test_chunks_grow_up_to_their_size() -> None:
    lengths = [len(chunk) for chunk in chunked(range(40), 8, 2)]
    assert lengths == [1, 1, 2, 2, 4, 4, 8, 8, 8, 2]
    assert [*chunked("abc", 1, 4)] == [["a"], ["b"], ["c"]]
    assert list(chunked([], 8, 2)) == []


def test_groups_end_where_their_weights_are_enough() -> None:
    grouped = list(weighed([1, 1, 5, 0, 9, 0, 2], lambda weight: weight, 4))
    assert grouped == [[1, 1, 5], [0, 9], [0, 2]]
    assert list(weighed([], lambda weight: weight, 4)) == []


def test_groups_take_no_more_than_they_need() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(9):
            taken.append(item)
            yield item

    next(weighed(items(), lambda _: 1, 3))
    assert taken == [0, 1, 2]
