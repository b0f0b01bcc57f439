"""Whose turn it is."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.fetched import FetchError
from figleaf.sources.fetching.hosts import HostLimits, Hosts

from .clients import FakeTime

REFUSED = FetchError(Reason.CONNECT, "connection refused")


def hosts_of(time: FakeTime | None = None, **limits: float) -> Hosts[int]:
    return Hosts(HostLimits(**limits), (time or FakeTime()).clock)  # type: ignore[arg-type]


def take_all(hosts: Hosts[int]) -> list[tuple[str, int]]:
    taken = []
    while (one := hosts.take()) is not None:
        taken.append(one)
    return taken


def test_hosts_take_turns() -> None:
    hosts = hosts_of(in_flight=2)
    for origin in "ab":
        hosts.answered(origin)
        for job in range(3):
            hosts.put(origin, job)
    assert take_all(hosts) == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    hosts.finished("b")
    assert take_all(hosts) == [("b", 2)]
    assert hosts.next_time() is None


def test_a_host_gets_one_request_until_it_answers() -> None:
    hosts = hosts_of(in_flight=3)
    for job in range(5):
        hosts.put("a", job)
    assert len(take_all(hosts)) == 1
    hosts.answered("a")
    hosts.finished("a")
    assert len(take_all(hosts)) == 3


def test_requests_keep_their_distance() -> None:
    time = FakeTime()
    hosts = hosts_of(time, in_flight=8, interval=0.5)
    hosts.answered("a")
    for job in range(3):
        hosts.put("a", job)
    assert len(take_all(hosts)) == 1
    assert hosts.next_time() == time.now + 0.5
    time.now += 0.5
    assert len(take_all(hosts)) == 1
    hosts.pace("a", 2.0)
    time.now += 1.9
    assert not take_all(hosts)
    time.now += 0.1
    assert len(take_all(hosts)) == 1


def test_a_host_that_asks_for_rest_holds_back_only_its_own() -> None:
    time = FakeTime()
    hosts = hosts_of(time, in_flight=4)
    for origin in "ab":
        hosts.answered(origin)
        for job in range(6):
            hosts.put(origin, job)
    hosts.rest("a", 10)
    assert Counter(origin for origin, _ in take_all(hosts)) == {"b": 4}
    assert hosts.next_time() == time.now + 10
    time.now += 10
    assert Counter(origin for origin, _ in take_all(hosts)) == {"a": 2}, "half as many as before"


def test_a_retry_comes_first_once_it_is_due() -> None:
    time = FakeTime()
    hosts = hosts_of(time, in_flight=1)
    hosts.put("a", 1)
    hosts.put_later("a", 0, 5.0)
    assert take_all(hosts) == [("a", 1)]
    hosts.put("a", 2)
    hosts.finished("a")
    time.now += 5
    assert take_all(hosts) == [("a", 0)]


def test_what_was_under_way_goes_first() -> None:
    hosts = hosts_of(in_flight=1)
    hosts.put("a", 1)
    hosts.put("a", 2, first=True)
    assert take_all(hosts) == [("a", 2)]


def test_a_pause_holds_everything_back() -> None:
    hosts = hosts_of()
    hosts.put("a", 1)
    hosts.pause("a")
    hosts.put("a", 2)
    assert not take_all(hosts)
    hosts.resume("a")
    assert take_all(hosts) == [("a", 1)]


def test_a_host_that_never_answers_is_given_up() -> None:
    time = FakeTime()
    hosts = hosts_of(time, failures=3, given_up=60)
    for job in range(10):
        hosts.put("a", job)
    for failures in range(1, 4):
        assert len(take_all(hosts)) == 1
        doomed = hosts.unanswered("a", REFUSED)
        hosts.finished("a")
        assert doomed == ([] if failures < 3 else list(range(3, 10)))
    assert hosts.verdict("a") is REFUSED
    assert hosts.verdict("b") is None
    time.now += 60
    assert hosts.verdict("a") is None


def test_after_that_one_request_says_whether_it_is_back() -> None:
    time = FakeTime()
    hosts = hosts_of(time, in_flight=4, failures=3, given_up=60)
    hosts.answered("a")
    hosts.give_up("a", REFUSED, 60)
    time.now += 60
    for job in range(4):
        hosts.put("a", job)
    assert len(take_all(hosts)) == 1
    assert hosts.unanswered("a", REFUSED) == [1, 2, 3], "one more failure is enough"
    hosts.finished("a")
    time.now += 60
    for job in range(4):
        hosts.put("a", job)
    take_all(hosts)
    hosts.answered("a")
    assert len(take_all(hosts)) == 3


def test_an_answer_makes_up_for_earlier_failures() -> None:
    hosts = hosts_of(failures=2)
    hosts.put("a", 1)
    hosts.unanswered("a", REFUSED)
    hosts.answered("a")
    hosts.unanswered("a", REFUSED)
    assert hosts.verdict("a") is None


def test_jobs_can_be_dropped_wherever_they_wait() -> None:
    time = FakeTime()
    hosts = hosts_of(time)
    hosts.answered("a")
    for job in range(4):
        hosts.put("a", job)
    hosts.put_later("a", 5, 1.0)
    hosts.put_later("a", 6, 1.0)
    hosts.discard(lambda job: job % 2 == 1)
    time.now += 1
    assert sorted(job for _, job in take_all(hosts)) == [0, 2, 6]


def test_many_hosts_are_forgotten_but_none_that_has_work() -> None:
    hosts = hosts_of()
    hosts.put("kept", 1)
    for number in range(25_000):
        hosts.answered(str(number))
    assert take_all(hosts) == [("kept", 1)]
    assert len(hosts) <= 20_001


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=60),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.3]),
)
def test_every_job_starts_once_and_within_the_limits(
    jobs: list[tuple[str, int]], in_flight: int, interval: float
) -> None:
    time = FakeTime()
    hosts = hosts_of(time, in_flight=in_flight, interval=interval)
    for number, (origin, kind) in enumerate(jobs):
        hosts.answered(origin)
        if kind == 2:
            hosts.put_later(origin, number, 1.5)
        else:
            hosts.put(origin, number, first=kind == 1)
    seen: list[int] = []
    while len(seen) < len(jobs):
        taken = take_all(hosts)
        seen += [job for _, job in taken]
        running = Counter(origin for origin, _ in taken)
        assert all(count <= in_flight for count in running.values())
        for origin in running.elements():
            hosts.finished(origin)
        if not taken:
            when = hosts.next_time()
            assert when is not None, "nothing to wait for, and not done"
            time.now = max(when, time.now)
    assert sorted(seen) == list(range(len(jobs)))
