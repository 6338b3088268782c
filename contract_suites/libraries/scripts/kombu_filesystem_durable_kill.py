"""kombu, transport `filesystem`: what a killed worker had got and not acknowledged is gone.

Install kombu, and run this file. Exit status 1: it is so.
"""

import os
import signal
import subprocess
import sys
import tempfile

from kombu import Connection, Queue


def connected(folder: str) -> Queue:
    """The queue in a folder, on a connection of its own."""
    options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
    channel = Connection("filesystem://", transport_options=options).channel()
    queue = Queue("jobs", exchange="", routing_key="jobs", channel=channel)
    queue.declare()
    return queue


if len(sys.argv) > 1:  # the worker: it gets the message, and is killed
    assert connected(sys.argv[1]).get() is not None
    os.kill(os.getpid(), signal.SIGKILL)

with tempfile.TemporaryDirectory() as folder:
    queue = connected(folder)
    queue.channel.connection.client.Producer().publish("send the invoice", routing_key="jobs")
    worker = subprocess.run([sys.executable, __file__, folder], check=False)
    assert worker.returncode == -signal.SIGKILL, worker
    message = queue.get()
    print("the message is gone" if message is None else "the message is delivered again")
    sys.exit(message is None)
