from myworker import Worker

from async_contract import RunnerContract


class TestWorker(RunnerContract):
    runner = Worker
