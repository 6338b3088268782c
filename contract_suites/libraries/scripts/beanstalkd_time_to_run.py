"""beanstalkd: a job whose time to run is over is not given to another worker.

Install beanstalkd and greenstalk, and run this file with the address of a server, as 127.0.0.1:11300. Exit
status 1: it is so.
"""

import secrets
import sys
import time

import greenstalk

host, _, port = sys.argv[1].rpartition(":")
tube = f"demo-{secrets.token_hex(4)}"
JOBS = 40


def client() -> greenstalk.Client[str]:
    """A worker with a connection of its own."""
    return greenstalk.Client((host, int(port)), use=tube, watch=tube)


workers = [client() for _ in range(JOBS)]
for each in workers:
    each.put("send the invoice", ttr=1)
    each.reserve(timeout=0)
    time.sleep(0.005)  # so that the server is awake for each of them
time.sleep(1.5)  # and now they hang, all of them longer than their time to run
another = client()
got = 0
while True:
    try:
        another.delete(another.reserve(timeout=0))
    except greenstalk.TimedOutError:
        break
    got += 1
print(f"{got} of {JOBS} jobs were given to another worker half a second after their time to run was over")
sys.exit(got < JOBS)
