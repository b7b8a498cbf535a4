"""gunicorn's logs without query strings, referrers and control characters: a query may hold a key."""

import re
from typing import Any

from gunicorn import glogging

#: Time, peer, method, path, status, bytes, milliseconds. %(U)s is the path without its query.
FORMAT = '%(t)s %(h)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'


class EscapedAtoms(glogging.SafeAtoms):
    """The path arrives percent-decoded: a line end in it would forge a line of the log."""

    def __init__(self, atoms: dict[str, Any]) -> None:
        super().__init__(atoms)
        for key, value in self.items():
            if isinstance(value, str) and not value.isprintable():
                self[key] = value.encode("unicode_escape").decode()


#: What gunicorn cannot parse it quotes, the request line and header fields whole.
_QUOTED = re.compile(r"""(?s)(?<=Invalid request from )(.*?)['"].*""")
_QUERY = re.compile(r"(?s)\?.*")


class AccessLog(glogging.Logger):
    atoms_wrapper_class = EscapedAtoms

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        super().warning(_QUOTED.sub(r"\1...", str(msg)), *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """A failed request is named by its URI."""
        cut = (_QUERY.sub("", arg) if isinstance(arg, str) else arg for arg in args)
        super().exception(msg, *cut, **kwargs)
