"""Stores that refuse the message of a fail, change it, or come to harm by it."""

from __future__ import annotations

import unicodedata

from async_contract.mutants.mutant import BrokenStore
from async_contract.mutants.plain import Row

LONGEST = 255
MOST = 65_536


class MessageBeyondAsciiRefused(BrokenStore):
    """A message that is not ASCII is refused."""

    breaks = "fail/accepted"

    def recorded(self, row: Row, message: str) -> str | None:
        return message.encode("ascii").decode()


class LongestMessageRefused(BrokenStore):
    """A message of more than 255 characters is refused."""

    breaks = "fail/accepted"

    def recorded(self, row: Row, message: str) -> str | None:
        if len(message) > LONGEST:
            raise ValueError(f"the message has {len(message)} characters, more than {LONGEST}")
        return message


class MessageBreaksStatement(BrokenStore):
    """The message is written into a statement, which a single quote makes invalid."""

    breaks = "fail/accepted"

    def recorded(self, row: Row, message: str) -> str | None:
        if "'" in message:
            raise RuntimeError("syntax error in the statement")
        return message


class MessageTakenAsFormat(BrokenStore):
    """The message is taken for a format, so that a percent sign raises the formatter's error."""

    breaks = "fail/accepted"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message % ())


class MessageCut(BrokenStore):
    """The message is cut at 255 characters."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return message[:LONGEST]


class MessageCutInBytes(BrokenStore):
    """The message is cut at 255 bytes, also inside a character."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return message.encode(errors="replace")[:LONGEST].decode(errors="replace")


class MessageLowerCased(BrokenStore):
    """The message is lower-cased."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return message.lower()


class MessageBlanksCollapsed(BrokenStore):
    """Several blanks in the message become one."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return " ".join(message.split())


class MessageReplaced(BrokenStore):
    """Whatever the message, the same text is recorded."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return "failed"


class MessageForgotten(BrokenStore):
    """The message is not recorded."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return None


class FirstMessageKept(BrokenStore):
    """A job that is failed again keeps the message of the first time."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return message if row.message is None else row.message


class MessagesJoined(BrokenStore):
    """The message of a fail is appended to that of the one before."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return message if row.message is None else f"{row.message}; {message}"


class MessageInAscii(BrokenStore):
    """What is not ASCII in the message becomes a question mark."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return message.encode("ascii", "replace").decode()


class MessageNormalized(BrokenStore):
    """The message is brought into a Unicode normal form."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return unicodedata.normalize("NFC", message)


class NullMessageDropped(BrokenStore):
    """A message that reads null is taken for none."""

    breaks = "fail/message"

    def recorded(self, row: Row, message: str) -> str | None:
        return None if message == "null" else message


class UnencodableHalfApplied(BrokenStore):
    """The lease is ended before the message is encoded, which may be refused."""

    breaks = "fail/hostile-message"

    def end_badly(self, row: Row, message: str) -> None:
        self.make_ready(row)
        message.encode()
        super().end_badly(row, message)


class NulHalfApplied(BrokenStore):
    """A message with a NUL is refused, and the job is completed by then."""

    breaks = "fail/hostile-message"

    def end_badly(self, row: Row, message: str) -> None:
        if "\0" in message:
            self.end_well(row)
            raise ValueError("a NUL in the message")
        super().end_badly(row, message)


class MessageInjected(BrokenStore):
    """The message is written into a statement, and what stands in it is executed."""

    breaks = "fail/hostile-message"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        if "DELETE" in message:
            self.rows.clear()


class LineBreakEndsRecord(BrokenStore):
    """A line break in the message ends the record, and what follows buries the job that is leased next."""

    breaks = "fail/hostile-message"

    def end_badly(self, row: Row, message: str) -> None:
        super().end_badly(row, message)
        if "\n" in message:
            for each in self.leased()[:1]:
                each.state = "dead"


class LongMessageLosesJob(BrokenStore):
    """A message of more than 64 KiB is refused, and the job is deleted by then."""

    breaks = "fail/hostile-message"

    def end_badly(self, row: Row, message: str) -> None:
        if len(message) > MOST:
            del self.rows[self.key(row.job.id)]
            raise ValueError(f"the message has more than {MOST} characters")
        super().end_badly(row, message)


STORES = (
    MessageBeyondAsciiRefused,
    LongestMessageRefused,
    MessageBreaksStatement,
    MessageTakenAsFormat,
    MessageCut,
    MessageCutInBytes,
    MessageLowerCased,
    MessageBlanksCollapsed,
    MessageReplaced,
    MessageForgotten,
    FirstMessageKept,
    MessagesJoined,
    MessageInAscii,
    MessageNormalized,
    NullMessageDropped,
    UnencodableHalfApplied,
    NulHalfApplied,
    MessageInjected,
    LineBreakEndsRecord,
    LongMessageLosesJob,
)
