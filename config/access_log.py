"""gunicorn's logs without query strings, referrers, addresses and control characters: a query may hold a key."""

import re
from datetime import timedelta
from typing import Any

from gunicorn import glogging

from config.logs import without_addresses

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

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> dict[str, Any]:
        """Those of our own format: gunicorn collects every header and variable of a request, 60 µs of each."""
        if self.cfg.access_log_format != FORMAT:
            return dict(super().atoms(resp, req, environ, request_time))
        return {
            "t": self.now(),
            "h": environ.get("REMOTE_ADDR", "-"),
            "m": environ.get("REQUEST_METHOD"),
            "U": without_addresses(environ.get("PATH_INFO", "")),
            "s": str(resp.status).partition(" ")[0],
            "b": str(resp.sent),
            "M": request_time // timedelta(milliseconds=1),
        }

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        super().warning(_QUOTED.sub(r"\1...", str(msg)), *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """A failed request is named by its URI."""
        cut = (without_addresses(_QUERY.sub("", arg)) if isinstance(arg, str) else arg for arg in args)
        super().exception(msg, *cut, **kwargs)
