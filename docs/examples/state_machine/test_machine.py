from hypothesis.stateful import rule
from mypkg import Store

from async_contract import StoreMachine


class Machine(StoreMachine):
    @rule()
    def complete_everything(self):
        for job_id in self.held.pop(1, []):
            self.run(self.worker(1).complete(job_id))
        self.check()


TestStore = Machine.for_harness(Store).TestCase
