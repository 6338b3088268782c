import asyncio

from myworker import Worker

from async_contract import RunnerHarness


class Pump:
    """The same worker, mended, in a shape of its own."""

    def __init__(self, backend, callback, settings, on_event):
        self.worker = Worker(backend, callback, metrics=on_event, **settings)

    async def serve(self):
        # In a task of its own, which nobody cancels: a cancellation only stops it.
        working = asyncio.create_task(self.worker.run())
        while not working.done():
            try:
                await asyncio.wait({working})
            except asyncio.CancelledError:
                self.shut_down()

    def shut_down(self):
        self.worker.stop()


def make(store, handler, *, concurrency, poll_interval, metrics):
    return Pump(store, handler, {"concurrency": concurrency, "poll_interval": poll_interval}, metrics)


harness = RunnerHarness(make, run=Pump.serve, stop=Pump.shut_down)
