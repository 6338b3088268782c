"""persist-queue: an item that was acknowledged is delivered again after a `nack`.

Install persist-queue, and run this file. Exit status 1: it is so.
"""

import sys
import tempfile

from persistqueue import Empty, SQLiteAckQueue

with tempfile.TemporaryDirectory() as directory:
    queue = SQLiteAckQueue(directory)
    queue.put("send the invoice")
    item = queue.get(block=False, raw=True)
    queue.ack(id=item["pqid"])
    queue.nack(id=item["pqid"])  # late, or by another worker
    try:
        again = queue.get(block=False, raw=True)
    except Empty:
        print("the acknowledged item does not come back")
        sys.exit(0)
    print(f"the acknowledged item {again['pqid']} was delivered again: {again['data']}")
    sys.exit(1)
