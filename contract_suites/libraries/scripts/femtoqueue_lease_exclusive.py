"""femtoqueue: a worker that asks again before its task is done is given the same task.

Install femtoqueue, and run this file. Exit status 1: it is so.
"""

import sys
import tempfile

from femtoqueue import FemtoQueue

with tempfile.TemporaryDirectory() as directory:
    queue = FemtoQueue(directory, "worker")
    queue.push(b"send the invoice")
    first, second = queue.pop(), queue.pop()
    if second is None:
        print("the second time nothing comes")
        sys.exit(0)
    print(f"the same task was given twice: {first.data} and {second.data}")
    sys.exit(1)
