"""Two workers are given one job: which clause is that?"""

from async_contract import Capabilities, Delivered, Operation, judge

job = Delivered("mail-1", "mail")
history = [
    # method, worker, invoked, returned (nanoseconds), and what went in or came out
    Operation("enqueue", 0, 0, 10, job_id="mail-1", jobs=(job,)),
    Operation("lease", 1, 20, 30, value=1, jobs=(job,)),
    Operation("lease", 2, 40, 50, value=1, jobs=(job,)),
]

for violation in judge(history, Capabilities()).violations:
    print(violation.clause)
    print(violation.happened)
