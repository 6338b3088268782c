"""femtoqueue: a task that waited long is taken away from its worker as soon as another one asks.

Install femtoqueue, and run this file. Exit status 1: it is so.
"""

import sys
import tempfile
import time

from femtoqueue import FemtoQueue

with tempfile.TemporaryDirectory() as directory:
    first = FemtoQueue(directory, "first", timeout_stale_ms=1000)
    second = FemtoQueue(directory, "second", timeout_stale_ms=1000)
    first.push(b"send the invoice")
    time.sleep(1.5)  # it waits longer than the timeout: the workers are busy
    taken = first.pop()
    again = second.pop()
    if again is None:
        print("the second worker gets nothing")
        sys.exit(0)
    print(f"both workers have it: {taken.data} and {again.data}")
    sys.exit(1)
