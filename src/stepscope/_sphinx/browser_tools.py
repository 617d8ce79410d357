"""The pages below ``tools/``, on which stepscope itself runs in the reader's browser.

Python for browsers (Pyodide) becomes part of the site, as do the wheel of this build and a few logs to try. Only these
pages load them. Their Content-Security-Policy forbids requests to other hosts, and every script but those of the site.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stepscope

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["content_security_policy", "setup"]

_ROOT = Path(__file__).parents[3]
# Logs to try: two that failed, and one of each library that did not.
_SAMPLES = {
    "isaaclab-nan.txt": "recordings/isaaclab/3.0.0/nan_recorded.txt",
    "rl_games-diverged.txt": "recordings/rl_games/1.6.5/ranks_diverged.txt",
    "rsl_rl.txt": "recordings/rsl_rl/5.5.1/extras.txt",
    "sb3.txt": "recordings/sb3/2.9.2/default.txt",
    "skrl.txt": "recordings/skrl/2.1.1/default.txt",
}
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def content_security_policy(page: str) -> str:
    """Return the policy of a page: nothing from or to another host, no script but the site's and those in the page.

    Parameters
    ----------
    page
        HTML of the page, whose inline scripts are allowed by their hashes.
    """
    scripts = sorted(
        {
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in _INLINE.findall(page)
        }
    )
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'wasm-unsafe-eval' {' '.join(scripts)}".rstrip(),
            "worker-src 'self' blob:",
            "connect-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "base-uri 'self'",
            "form-action 'self'",
        ]
    )


def _is_tool(docname: str) -> bool:
    return docname.startswith("tools/") and docname != "tools/index"


def _add_to_page(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Name the wheel in the page's head, and load its own scripts and styles."""
    if doctree is None or not _is_tool(pagename):
        return
    wheel = f"../wheels/stepscope-{stepscope.__version__}-py3-none-any.whl"
    context["metatags"] = f'{context.get("metatags", "")}\n<meta name="stepscope-wheel" content="{wheel}">'
    app.add_css_file("tools/tools.css")
    app.add_js_file("tools/served.js")
    script = f"tools/{pagename.removeprefix('tools/')}.js"
    if Path(app.srcdir, "_static", script).is_file():
        app.add_js_file(script, type="module")


def _write(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html" or not Path(app.srcdir, "tools").is_dir():
        return
    from stepscope._sphinx import pyodide  # noqa: PLC0415 - python -m runs it, and would find it imported

    static = Path(app.outdir, "_static")
    pyodide.unpack(pyodide.fetch(_ROOT / "_build"), static / "pyodide")
    samples = static / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    for name, path in _SAMPLES.items():
        shutil.copyfile(_ROOT / path, samples / name)
    for html in sorted(Path(app.outdir, "tools").glob("*.html")):
        page = html.read_text(encoding="utf-8")
        if _is_tool(f"tools/{html.stem}") and "Content-Security-Policy" not in page:
            policy = f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(page)}">'
            # A browser looks for the encoding in the first kilobyte, so the policy comes after it.
            html.write_text(
                re.sub(r'<meta charset="utf-8" ?/?>', rf"\g<0>\n{policy}", page, count=1), encoding="utf-8"
            )


def setup(app: Sphinx) -> None:
    """Add what the pages need, once they are written."""
    app.connect("html-page-context", _add_to_page)
    app.connect("build-finished", _write)
