"""Jobs that a client may keep: nobody was given them, and they are on lease all the same.

A broker, or its client, may hand a connection some jobs more than one lease returns, for the next one
(prefetching). If that connection makes no other lease, they come when their leases have expired; and so they
do after a call of unknown outcome, which may have broken the connection, and after a reopening.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from async_contract.contract.capabilities import Capabilities
from async_contract.contract.life import nanoseconds
from async_contract.history.operation import OK, REJECTED, UNKNOWN, Operation
from async_contract.judge.drained import IN_A_ROW, Drained, killed_holders, settled

_CALLS = ("lease", "complete", "fail")
_NEVER = -1


class Kept:
    """What clients may keep at the end of a history.

    One that asked until nothing came has delivered what it kept. Others may be handed whatever becomes ready,
    until they are lost. Where leases never expire by themselves nothing can be kept: it would never come.

    Args:
        history: What happened.
        capabilities: What the store promises.
        end: Where one worker asked until nothing came.
    """

    def __init__(self, history: Sequence[Operation], capabilities: Capabilities, end: Drained) -> None:
        self._until = end.since
        self._retry = nanoseconds(capabilities.retry_delay)
        self._lasts: int | None = None
        if capabilities.lease_timeout is None:
            return
        longest = capabilities.lease_timeout + capabilities.expiry_delay + capabilities.poll_delay
        self._lasts = nanoseconds(longest)
        self._others = _other_clients(history, capabilities, end)
        self._lost = _lost_with_what_it_kept(history)

    def may_hold(self, operations: Sequence[Operation]) -> bool:
        """Whether the job with these operations, which is owed, may be on lease to a client all the same."""
        if self._lasts is None:
            return False
        ready = settled(operations, self._retry)
        handed = [each.handed for each in self._others if each.emptied <= ready]
        kept = max(ready, *handed) if handed else _NEVER
        if ready <= self._lost:
            kept = max(kept, self._lost)
        return kept != _NEVER and kept + self._lasts >= self._until


@dataclass(slots=True)
class _Client:
    """What a client that does not ask last may have been handed.

    Attributes:
        handed: The latest instant at which a lease may have had jobs handed to it; 0 if all that is known is
            that there is this client.
        empty: The instants of its latest leases, if nothing came.
    """

    handed: int = 0
    empty: list[int] = field(default_factory=list)

    @property
    def emptied(self) -> int:
        """Since when it has asked until nothing came: what it was handed by then it has delivered.

        Once is not enough: it may have begun to fetch what it gives next time.
        """
        return self.empty[-IN_A_ROW] if len(self.empty) >= IN_A_ROW else _NEVER


def _other_clients(
    history: Sequence[Operation], capabilities: Capabilities, end: Drained
) -> Collection[_Client]:
    if capabilities.sharing in ("none", "instance"):
        return ()
    killed = killed_holders(capabilities, [each for each in history if each.method == "kill"])
    gone = {end.leases[0].worker, *killed}
    clients: defaultdict[int, _Client] = defaultdict(_Client)
    for each in history:
        if each.method in _CALLS and each.worker not in gone:
            client = clients[each.worker]
            if _takes(each):
                client.handed = max(client.handed, _over(each))
                if each.outcome == OK and not each.jobs:
                    client.empty.append(each.invoked)
                else:
                    client.empty.clear()
    return clients.values()


def _takes(call: Operation) -> bool:
    takes = call.method == "lease" and call.outcome != REJECTED
    return takes and isinstance(call.value, int) and call.value > 0


def _over(call: Operation) -> int:
    return call.invoked if call.returned is None else call.returned


def _lost_with_what_it_kept(history: Sequence[Operation]) -> int:
    """The latest instant at which a client that had leased may have been lost; `_NEVER` if none was.

    A client that asked while there were no jobs has been handed none.
    """
    enqueued = leased = False
    lost = _NEVER
    for each in history:
        enqueued |= each.method == "enqueue"
        leased |= enqueued and _takes(each)
        if leased and (each.outcome == UNKNOWN or each.method == "reopen"):
            lost = max(lost, _over(each))
    return lost
