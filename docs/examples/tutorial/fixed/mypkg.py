"""A job store in a list."""


class Store:
    def __init__(self):
        self.ready = []
        self.leased = {}

    async def enqueue(self, job):
        self.ready.append(job)

    async def lease(self, limit):
        count = max(limit, 0)
        batch, self.ready = self.ready[:count], self.ready[count:]
        self.leased.update({job.id: job for job in batch})
        return batch

    async def complete(self, id):
        self.end(id)

    async def fail(self, id, message):
        self.ready.append(self.end(id))

    def end(self, id):
        if id not in self.leased:
            raise LookupError(f"no job {id!r} is on lease")
        return self.leased.pop(id)
