"""gunicorn's access log without query strings, referrers and control characters."""

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


class AccessLog(glogging.Logger):
    atoms_wrapper_class = EscapedAtoms
