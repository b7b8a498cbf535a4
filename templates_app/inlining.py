"""Style sheets → style attributes, by css-inline in a process of its own: its parser overflows the stack on nested
elements, which ends the process that it runs in, and some style sheets keep it busy for hours.
"""

import subprocess
import sys
from pathlib import Path

from templates_app import errors

#: Bytes of the longest HTML, and seconds until the child is given up; it gives up itself after less CPU time.
LONGEST = 1024 * 1024
PATIENCE_SECONDS = 10.0

_CHILD = Path(__file__).with_name("inlining_child.py")


def inline(html: str) -> str:
    """A whole document, with the rules of its style sheets at the elements, and others (`@media`, `:hover`) kept.

    Nothing is loaded: neither style sheets by address nor files. Takes some 60 ms, most of it the child's start.
    Raises RenderLimit for HTML or style sheets that are too much.
    """
    source = html.encode("utf-8", "replace")
    if len(source) > LONGEST:
        raise errors.RenderLimit(f"Its source is longer than {LONGEST} bytes.")
    command = [sys.executable, "-I", str(_CHILD)]
    try:
        child = subprocess.run(
            command, input=source, capture_output=True, timeout=PATIENCE_SECONDS, cwd="/", env={}
        )
    except subprocess.TimeoutExpired:
        raise errors.RenderLimit("Its style sheets take too long.") from None
    if child.returncode:
        raise errors.RenderLimit("Its HTML or its style sheets are too much.")
    return child.stdout.decode()
