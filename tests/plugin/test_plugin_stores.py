"""Real runs on real stores: from a bare name on the command line to a verdict."""

from __future__ import annotations

import pytest

from async_contract.contract.clauses import STORE_CLAUSES
from tests.conftest import STORE, Example

ALL = len(STORE_CLAUSES)
QUICK = "--async-contract-effort=quick"
SYNC = """
import threading

class Store:
    def __init__(self):
        self.ready, self.leased, self.lock = [], {}, threading.Lock()

    def enqueue(self, job):
        self.ready.append(job)

    def lease(self, limit):
        with self.lock:
            jobs = self.ready[: max(limit, 0)]
            del self.ready[: max(limit, 0)]
            self.leased.update((job.id, job) for job in jobs)
            return jobs

    def complete(self, id):
        del self.leased[id]

    def fail(self, id, message):
        self.ready.append(self.leased.pop(id))
"""
WAYS = {
    "sync.py": SYNC,
    "function.py": "from mypkg import Store\n\ndef make(sandbox):\n    return Store()\n",
    "generator.py": "from mypkg import Store\n\nasync def make():\n    yield Store()\n",
    "held.py": "import async_contract, mypkg\n\nharness = async_contract.StoreHarness(mypkg.Store)\n",
}


def test_a_store_and_nothing_else(example: Example) -> None:
    """A class in a file is enough; what it does not promise is no gap."""
    run = example.run_pytest("--async-contract=mypkg.Store", QUICK, "-n", "2")
    assert run.status == 0
    assert sum(run.counts.get(each, 0) for each in ("passed", "skipped")) == ALL
    assert "error" not in run.section("async-contract")


@pytest.mark.parametrize(
    "target", ["sync.Store", "function.make", "generator.make", "held.harness", "held:harness"]
)
def test_every_way_to_make_a_store(example: Example, target: str) -> None:
    """Sync, by a function that takes a sandbox, by an async generator, by a harness."""
    run = example.having(WAYS).run_pytest(f"--async-contract={target}", QUICK, "-k", "lease/exclusive")
    assert (run.status, run.counts) == (0, {"passed": 1, "deselected": ALL - 1})


def test_a_store_that_leases_a_job_twice(example: Example) -> None:
    """The failure shows the sentence, what happened, who did what when, and the command."""
    double = STORE.replace("        del self.ready[: max(limit, 0)]\n", "")
    run = example.having({"mypkg.py": double}).run_pytest(
        "async-contract/mypkg.Store::lease::exclusive", QUICK
    )
    assert (run.status, run.counts) == (1, {"failed": 1})
    title, broken, _, says, _, happened, _, workers, *rest = run.section("FAILURES").splitlines()
    assert "lease.exclusive" in title
    assert broken == "lease/exclusive is broken."
    assert says.startswith(
        "The contract says (MUST): a job on lease is delivered to nobody until it is failed"
    )
    assert happened.startswith("What happened: worker ")
    assert workers.split()[:3] == ["ms", "worker", "0"]
    assert [line for line in rest if "lease(" in line and " -> job-" in line][1:]
    assert rest[-1].endswith(" --async-contract=mypkg.Store async-contract/mypkg.Store::lease::exclusive")
    assert ".py" not in run.section("FAILURES")


BAD = {
    "syntax.py": "class Store:\n    def lease(self\n",
    "arguments.py": STORE.replace("def __init__(self)", "def __init__(self, url)"),
    "no_enqueue.py": STORE.replace("def enqueue", "def put"),
    "no_lease.py": STORE.replace("def lease", "def take"),
    "not_callable.py": "Store = 7\n",
    "negative.py": (
        "from async_contract import Capabilities, StoreHarness\nfrom mypkg import Store\n\n"
        "Store = StoreHarness(Store, capabilities=Capabilities(lease_timeout=-1))\n"
    ),
    "fences.py": (
        "from async_contract import Capabilities, StoreHarness\nfrom mypkg import Store\n\n"
        "Store = StoreHarness(Store, capabilities=Capabilities(fences=True))\n"
    ),
    "unknown.py": (
        "from async_contract import StoreHarness\nfrom mypkg import Store\n\n"
        "Store = StoreHarness(Store, known_failures={'lease/exclusiv': 'a reason'})\n"
    ),
}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("missing.Store", "missing"),
        ("mypkg.Stor", "Store"),
        ("syntax.Store", "syntax.py"),
        ("arguments.Store", "url"),
        ("no_enqueue.Store", "enqueue"),
        ("no_lease.Store", "lease"),
        ("not_callable.Store", "class int"),
        ("negative.Store", "lease_timeout=-1"),
        ("fences.Store", "fences=True needs a lease_timeout"),
        ("unknown.Store", "did you mean 'lease/exclusive'"),
        ("mypkg", "mypkg"),
        ("mypkg.py", "mypkg"),
        ("", "an empty name"),
    ],
)
def test_a_target_that_cannot_be_used(example: Example, target: str, said: str) -> None:
    """One message that says what to write; the status of a usage error; no traceback; nothing is run."""
    run = example.having(BAD).run_pytest(f"--async-contract={target}")
    assert run.status == 4
    assert run.text.strip().startswith("ERROR: ")
    assert said in run.text
    assert "Traceback" not in run.text
    assert "test session starts" not in run.text


def test_a_store_that_hangs(example: Example) -> None:
    """It is stopped, and the failure says where it hung."""
    hanging = STORE.replace(
        "        jobs = self.ready", "        while True: pass\n        jobs = self.ready"
    )
    run = example.having({"mypkg.py": hanging}).run_pytest(
        "async-contract/mypkg.Store::lease::known", "--async-contract-timeout=0.5"
    )
    assert (run.status, run.counts) == (1, {"failed": 1})
    assert "lease/known could not be judged." in run.text
    assert "mypkg.py" in run.section("FAILURES")


def test_a_store_that_holds_jobs(example: Example) -> None:
    """It is refused: its jobs are somebody's."""
    job = "__import__('async_contract').Job('somebodys', 'mail')"
    full = STORE.replace("self.ready, self.leased = [], {}", f"self.ready, self.leased = [{job}], {{}}")
    item = "async-contract/mypkg.Store::lease::distinct"
    run = example.having({"mypkg.py": full}).run_pytest(item, QUICK)
    assert (run.status, run.counts) == (1, {"failed": 1})
    assert "--async-contract-allow-nonempty" in run.section("FAILURES")
