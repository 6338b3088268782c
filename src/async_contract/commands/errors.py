"""How a command refuses what it can't use."""

from __future__ import annotations

from pathlib import Path


class CommandError(Exception):
    """A command can't be carried out; the text says what to write instead."""


def text_of(name: str) -> str:
    """The text of a file.

    Raises:
        CommandError: It can't be read.
    """
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{name} is no text in UTF-8; name a file that this package wrote") from None
