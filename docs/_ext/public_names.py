"""Links the names in annotations to the public names that are documented.

An annotation names `async_contract.store.Job`; the documentation describes it as `async_contract.Job`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import async_contract

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """The link to the public name, if the name that is missing has one."""
    package, _, name = node["reftarget"].rpartition(".")
    if node.get("refdomain") != "py" or package == "async_contract" or name not in async_contract.__all__:
        return None
    public = f"async_contract.{name}"
    return env.domains.python_domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], public, node, content
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Ask here for every name that is not found."""
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
