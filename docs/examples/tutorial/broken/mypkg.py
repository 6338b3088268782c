"""A job store in a list."""


class Store:
    def __init__(self):
        self.jobs = []
        self.completed = set()

    async def enqueue(self, job):
        self.jobs.append(job)

    async def lease(self, limit):
        waiting = [job for job in self.jobs if job.id not in self.completed]
        return waiting[: max(limit, 0)]

    async def complete(self, id):
        self.check(id)
        self.completed.add(id)

    async def fail(self, id, message):
        self.check(id)

    def check(self, id):
        if id not in [job.id for job in self.jobs]:
            raise LookupError(f"there is no job {id!r}")
