"""A history as a sequence diagram, in threes: empty, sane, pathological."""

from __future__ import annotations

from async_contract.history.operation import CANCELLED, TIMED_OUT, Delivered, Operation
from async_contract.report.sequence import render
from async_contract.store import JobRecord

MS = 1_000_000
JOB = (Delivered("job-1", "mail"),)


def _lines(text: str) -> str:
    """The lines of an expected diagram, without the indentation of the test."""
    return "\n".join(line.removeprefix("    ") for line in text.strip("\n").split("\n")).rstrip()


def test_an_empty_history() -> None:
    """Where nothing was called there is no diagram."""
    assert render([]) == "(no operations)"


def test_a_sane_history() -> None:
    """A call is one line while nothing comes between, and the jobs it delivers are its result."""
    history = [
        Operation("enqueue", 0, 10 * MS, 11 * MS, job_id="job-1", jobs=JOB),
        Operation("lease", 0, 12 * MS, 13 * MS, value=2, jobs=JOB),
        Operation("complete", 0, 14 * MS, 15 * MS, job_id="job-1"),
        Operation("inspect", 0, 16 * MS, 17 * MS, job_id="job-1", value=JobRecord("completed", None, 1)),
        Operation("lease", 0, 18 * MS, 19 * MS, value=2),
    ]
    assert render(history) == _lines("""
       ms  worker 0
    0.000  enqueue(job-1) -> ok
    2.000  lease(2) -> job-1
    4.000  complete(job-1) -> ok
    6.000  inspect(job-1) -> completed attempts=1
    8.000  lease(2) -> (no job)
    """)


def test_calls_that_overlap_are_two_lines_each() -> None:
    """Between its two lines a running call is a stroke; in any order the history looks the same."""
    history = [
        Operation("lease", 0, 1 * MS, 3 * MS, value=1, jobs=JOB),
        Operation("lease", 1, 2 * MS, 4 * MS, value=1, jobs=JOB),
        Operation("fail", 2, 2 * MS + 1, 2 * MS + 2, job_id="job-1", value="boom"),
    ]
    expected = _lines("""
       ms  worker 0                   worker 1                   worker 2
    0.000  lease(1) ...
    1.000  |                          lease(1) ...
    1.000  |                          |                          fail(job-1, 'boom') -> ok
    2.000  ... -> job-1 [attempts=0]  |
    3.000                             ... -> job-1 [attempts=0]
    """)
    assert render(history) == expected
    assert render(history[::-1]) == expected


def test_calls_at_the_same_instant_keep_their_order() -> None:
    """Where a clock stands still, a worker's return still comes before its next call."""
    history = [
        Operation("enqueue", 0, 0, 0, job_id="job-1", jobs=JOB),
        Operation("lease", 0, 0, 0, value=1, jobs=JOB),
        Operation("complete", 0, 0, 0, job_id="job-1"),
    ]
    assert render(history) == _lines("""
       ms  worker 0
    0.000  enqueue(job-1) -> ok
    0.000  lease(1) -> job-1
    0.000  complete(job-1) -> ok
    """)


def test_calls_that_did_not_succeed_say_why() -> None:
    """Refused, cancelled, timed out, failed in another way, and never returned."""
    history = [
        Operation("lease", 0, 0, 1 * MS, "rejected", value=0, error="ValueError: limit"),
        Operation("lease", 0, 2 * MS, 3 * MS, "unknown", value=1, error=CANCELLED),
        Operation("complete", 0, 4 * MS, 5 * MS, "unknown", "job-1", error=TIMED_OUT),
        Operation("fail", 0, 6 * MS, 7 * MS, "unknown", "job-1", "boom", error="OSError: gone"),
        Operation("enqueue", 0, 8 * MS, 9 * MS, "rejected", "job-2", jobs=(Delivered("job-2", "mail"),)),
        Operation("complete", 1, 8 * MS, None, "unknown", "job-1"),
        Operation("lease", 2, 9 * MS, None, "unknown", value=1, error="killed"),
    ]
    assert render(history) == _lines("""
       ms  worker 0                       worker 1                 worker 2
    0.000  lease(0) -> rejected: ValueError: limit
    2.000  lease(1) -> cancelled
    4.000  complete(job-1) -> unknown: timed out
    6.000  fail(job-1, 'boom') -> unknown: OSError: gone
    8.000  enqueue(job-2) ...
    8.000  |                              complete(job-1) ...
    9.000  ... -> rejected                |
    9.000                                 |                        lease(1) ...
                                          ... -> has not returned  |
                                                                   ... -> unknown: killed
    """)


def test_what_happens_around_the_calls() -> None:
    """Opening, closing and killing stand in the column of the worker they happen to."""
    history = [
        Operation("connect", 0, 0, 1 * MS),
        Operation("mutate", 0, 2 * MS, 3 * MS, job_id="job-1"),
        Operation("disconnect", 0, 4 * MS, 5 * MS),
        Operation("reopen", 0, 6 * MS, 7 * MS),
        Operation("kill", 0, 8 * MS, 9 * MS),
    ]
    assert render(history) == _lines("""
       ms  worker 0
    0.000  connect -> done
    2.000  mutate(job-1) -> done
    4.000  disconnect -> done
    6.000  reopen -> done
    8.000  kill -> done
    """)


def test_what_a_delivery_changed_is_shown() -> None:
    """A field that came back otherwise stands in the enqueue and in the lease, others in neither."""
    history = [
        Operation("enqueue", 0, 0, 1, job_id="1f", jobs=(Delivered("job-1", "mail", "", b"\xff"),)),
        Operation("enqueue", 0, 2, 3, job_id="job-2", jobs=(Delivered("job-2", "mail", "t"),)),
        Operation(
            "lease", 0, 4, 5, value=9, jobs=(Delivered("1f", "mail", "", b"?"), Delivered("job-2", "mail"))
        ),
    ]
    assert render(history) == _lines("""
       ms  worker 0
    0.000  enqueue(job-1 [payload=b'\\xff']) -> ok, as 1f
    0.000  enqueue(job-2 [tenant_id=t]) -> ok
    0.000  lease(9) -> 1f [payload=b'?'], job-2 [tenant_id='']
    """)


def test_a_pathological_history() -> None:
    """Nothing a store delivers or says reaches the terminal as it is, and nothing is too long."""
    odd = Delivered(7, "", None, "text", -1)
    message = "\x1b[2J\u202e" + "x" * 2**20
    history = [
        Operation("enqueue", 0, 0, 1, job_id="a\nb", jobs=(Delivered("a\nb", "mail"),)),
        Operation("lease", 0, 2, 3, value=2**31 - 1, jobs=(odd,), error="no list: \x07"),
        Operation("lease", 0, 4, 5, value=9, jobs=tuple(Delivered(f"job-{n}", "mail") for n in range(9))),
        Operation("fail", 0, 6, 7, "unknown", job_id="'; DROP", value=message, error="\u202e" + "e" * 2**20),
        Operation("inspect", 0, 8, 9, job_id="a\nb", value=JobRecord("dead", message, 1)),
        Operation("inspect", 0, 10, 11, job_id="b"),
        Operation("inspect", 0, 12, 13, job_id="b", value="odd"),
    ]
    assert render(history) == _lines(r"""
       ms  worker 0
    0.000  enqueue('a\nb') -> ok
    0.000  lease(2147483647) -> 7 [kind='' tenant_id=None payload=text attempts=-1] (no list: \x07)
    0.000  lease(9) -> job-0, job-1, job-2, job-3, job-4, job-5 and 3 more
    0.000  fail("'; DROP", '\x1b[2J\u202exxxxxxxxxxxxxxxxxxxxxxxxx'... (1048581 characters)) -> unkno...
    0.000  inspect('a\nb') -> dead message='\x1b[2J\u202exxxxxxxxxxxxxxxxxxxxxxxxx'... (1048581 chara...
    0.000  inspect(b) -> (no record)
    0.000  inspect(b) -> odd
    """)


def test_many_workers_on_a_narrow_page() -> None:
    """A text runs over the columns beside it, which are empty, and is cut at the edge of the page."""
    history = [
        Operation("lease", worker, worker * MS, worker * MS + 1, value=1, jobs=JOB) for worker in range(4)
    ]
    assert render(history, width=40) == _lines("""
       ms  worker 0    worker 1    worker 2    worker 3
    0.000  lease(1) -> job-1 [attempts=0]
    1.000              lease(1) -> job-1 [at...
    2.000                          lease(1) -> job-1 [at...
    3.000                                      lease(1) -> job-1 [at...
    """)


def test_a_long_text_beside_a_running_call() -> None:
    """The text wins: the mark of the running call is hidden where the text runs over its column."""
    history = [
        Operation("lease", 1, 0, 3 * MS, value=1),
        Operation("fail", 0, 1 * MS, 2 * MS, job_id="job-1", value="boom"),
    ]
    assert render(history, width=40) == _lines("""
       ms  worker 0        worker 1
    0.000                  lease(1) ...
    1.000  fail(job-1, 'boom') -> ok
    3.000                  ... -> (no job)
    """)


def test_the_middle_of_a_long_history_is_left_out() -> None:
    """Its first and last forty lines are kept."""
    history = [Operation("lease", 0, each * MS, each * MS + 1, value=each) for each in range(100)]
    lines = render(history).split("\n")
    assert len(lines) == 82
    assert lines[40:43] == [
        "39.000  lease(39) -> (no job)",
        "        (20 lines are left out)",
        "60.000  lease(60) -> (no job)",
    ]
    assert "left out" not in render(history[:80])


def test_the_calls_of_a_runner_stand_below_its_tasks() -> None:
    """What it is told has a column of its own; a handler returns or raises, and nothing of it is unknown."""
    shown = render(
        [
            Operation("handle", 1, 0, 4_000_000, "ok", "job-1"),
            Operation("handle", 2, 1_000_000, 3_000_000, "unknown", "job-2", error="ValueError"),
            Operation("stop", 0, 2_000_000, 2_000_000),
        ]
    )
    assert (
        shown
        == """\
   ms  told          task 1             task 2
0.000                handle(job-1) ...
1.000                |                  handle(job-2) ...
2.000  stop -> told  |                  |
3.000                |                  ... -> raised ValueError
4.000                ... -> returned"""
    )
