"""How a mutant died, or that it did not."""

from __future__ import annotations

from dataclasses import dataclass

EXAMPLE = "example"
"""What catches a mutant if the one scenario of its clause does."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a mutant was caught by the clause that it names.

    Attributes:
        mutant: Its name.
        clause: The clause that must catch it.
        by: What caught it: `EXAMPLE`, or a way in which random programs are carried out, or what it was
            given; empty: nothing did.
        programs: How many programs that took.
        schedules: Under how many schedules; 0 where there is one for each program.
        steps: How many steps are left of the program that shows it; 0 for an example.
        counted: How many times its clause was put to the test, where no programs are carried out.
        seconds: How long it took, with making the program small.
        untried: Why what would catch it can't be tried here; empty if it can.
    """

    mutant: str
    clause: str
    by: str = ""
    programs: int = 0
    schedules: int = 0
    steps: int = 0
    counted: int = 0
    seconds: float = 0.0
    untried: str = ""

    @property
    def survived(self) -> bool:
        """Whether everything was tried, and nothing caught it."""
        return not self.by and not self.untried
