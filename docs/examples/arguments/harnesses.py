"""Ways of telling the toolkit how to reach a JobTable."""

from jobtable import JobTable

from async_contract import Capabilities, JobRecord, StoreHarness


def connect(sandbox):
    return JobTable(sandbox.path / "jobs.db")


def connect_and_close(sandbox):
    table = JobTable(sandbox.path / "jobs.db")
    yield table
    table.shut()


harness = StoreHarness(
    connect_and_close,
    capabilities=Capabilities(durable=True, redelivers=True, fifo=True, sharing="connection"),
)


class JobTableHarness(StoreHarness):
    capabilities = Capabilities(durable=True, redelivers=True, fifo=True, sharing="connection")

    def prepare(self, sandbox):
        JobTable(sandbox.path / "jobs.db").shut()

    def connect(self, sandbox):
        return JobTable(sandbox.path / "jobs.db")

    def disconnect(self, store):
        store.shut()

    def inspect(self, store, job_id):
        row = store.row(job_id)
        return JobRecord(*row) if row else None

    def is_rejection(self, error):
        return isinstance(error, (LookupError, ValueError))
