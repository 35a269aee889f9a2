# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the documentation: strictly, and without the network."""

from __future__ import annotations

import os
import tempfile

# Importing the package imports Airflow, which writes a configuration into its home; not into the builder's own.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-docs-")
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from airflow_provider_streamkap import __version__

project = "airflow-provider-streamkap"
author = "The airflow-provider-streamkap authors"
project_copyright = "2026, The airflow-provider-streamkap authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "snippets"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False
# The page that GitHub shows for the folder is the index, too.
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

nitpicky = True
# Names of other projects stay plain text: their inventories would have to be fetched. So do types of this package's
# inside that turn up in signatures, but that no caller has to spell.
_FOREIGN = "airflow|aiohttp|requests|pendulum|tenacity|asyncio|collections|datetime|enum|random|ssl|threading|time"
_AIRFLOW = (
    r"AbstractAsyncContextManager|Airflow\w+|Asset|BaseEventTrigger|BaseHook|BaseOperator|Context|PokeReturnValue"
    r"|TaskDeferred"
)
_INSIDE = (
    r"(\w+\.)*(api\.(flows|resources)|gate\.(pipeline|source|spec|target|wait)|polling\.\w+|hooks\._connection|_arguments"
    r"|(operators|sensors)\._base"
    r"|testing\.(controls|messages))\.\w+"
)
_ALIASES = (
    "datetime|Edge|JsonValue|OnError|Poller|PollResult|PollTarget|Require|StreamkapConnection|Timestamp|Unknown"
    r"|(\w+\.)*(K|T|Slot)|Results|(\w+\.)*(LatestQuery|ListQuery|M|Measured|Page|PeriodQuery|R|ResourceKind)"
)
nitpick_ignore_regex = [("py:.*", rf"({_FOREIGN})\..*|{_AIRFLOW}|{_INSIDE}|{_ALIASES}")]


def resolve_short_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Find what a docstring names by its last part only, as it may where that is plain to a reader."""
    if node["reftype"] not in ("class", "exc", "func", "meth", "attr") or node.get("refspecific"):
        return None
    node["refspecific"] = True
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], node["reftarget"], node, content)


def setup(app: Sphinx) -> None:
    """Let Sphinx call the above."""
    app.connect("missing-reference", resolve_short_name)
