"""Writes the clauses of the contract into the documentation, from the catalogue in the code.

The directive `clauses` takes a family and describes its clauses; the role `clause` links to one, and a
link to a clause that does not exist is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective

from async_contract.contract.clauses import CLAUSES, Clause
from async_contract.contract.reasons import REASONS

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Clauses(SphinxDirective):
    """Describe every clause of one family."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One definition per clause: its id and level, its sentence, why it is one, what is counted."""
        family = self.arguments[0]
        found = [clause for clause in CLAUSES if clause.family == family]
        if not found:
            families = ", ".join(dict.fromkeys(clause.family for clause in CLAUSES))
            raise self.error(f"no clause has the family {family!r}; the families are {families}")
        return [nodes.definition_list("", *(self._describe(clause) for clause in found))]

    def _describe(self, clause: Clause) -> nodes.Node:
        anchor = nodes.make_id(f"clause-{clause.id}")
        level = f" · {clause.level}" + (f" · {clause.capability}" if clause.capability else "")
        term = nodes.term("", "", nodes.literal("", clause.id), nodes.Text(level), ids=[anchor])
        self.state.document.note_explicit_target(term)
        self.env.domains.standard_domain.note_object("clause", clause.id, anchor, location=term)
        counted = f"Counted: {clause.counted}. *Held* needs at least {clause.minimum}."
        reason = REASONS[clause.id]
        plain = (
            f"Why: {reason.why}",
            f"How to mend it: {reason.mend}",
        )  # plain text, no markup
        body = [
            self._paragraph(clause.sentence),
            *(nodes.paragraph("", text) for text in plain),
            self._paragraph(counted),
        ]
        return nodes.definition_list_item("", term, nodes.definition("", *body))

    def _paragraph(self, text: str) -> nodes.paragraph:
        inline, messages = self.parse_inline(text)
        return nodes.paragraph(text, "", *inline, *messages)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive `clauses` and the role `clause`."""
    app.add_directive("clauses", Clauses)
    app.add_object_type("clause", "clause", objname="clause")
    app.add_role_to_domain("std", "clause", XRefRole(warn_dangling=True), override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
