"""Real mail servers, unpacked and not installed, in a folder of their own: what they relay goes on to one port."""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

UNPACKED = Path(__file__).parent.parent / "var"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
#: After so long the test has failed.
SECONDS = 60.0


def need(*paths, root=False):
    """Skip the test where something is not unpacked, or that needs root, but fail in CI."""
    missing = next((f"needs {path}: `make mail-servers`" for path in paths if not path.exists()), "")
    reason = missing or ("needs root: mail servers change users" if root and os.geteuid() else "")
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(what, seconds=SECONDS):
    """What `what` answers, once that is true."""
    over_at = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < over_at, "it never came"
        time.sleep(0.05)
    return found


class Folder:
    """One that other users may enter; it goes with all that is in it."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="earwig-mail-"))
        self.folder.chmod(0o755)
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, *names, owner=None):
        for name in names:
            path = self.folder / name
            path.mkdir(parents=True)
            if owner is not None:
                os.chown(path, owner, -1)
        return self.folder / names[0]

    def stop(self):
        """Nothing to end."""


_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {postfix}/usr/sbin
daemon_directory = {postfix}/usr/lib/postfix/sbin
meta_directory = {postfix}/etc/postfix
shlib_directory = {postfix}/usr/lib/postfix
import_environment = MAIL_CONFIG LD_LIBRARY_PATH PATH
maillog_file = {folder}/data/log
maillog_file_prefixes = {folder}
mail_owner = nobody
default_privs = daemon
setgid_group = mail
myhostname = mx.postfix.example
mydestination =
local_recipient_maps =
alias_maps =
notify_classes =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{relay}
maximal_queue_lifetime = 0
smtp_tls_security_level = none
"""
_MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_QUEUES = (
    "active bounce corrupt defer deferred flush hold incoming private public maildrop saved trace".split()
)


class Postfix(Folder):
    """Refuses nothing itself; what cannot be relayed at once comes back at once."""

    name = "postfix"

    def __init__(self, relay):
        self.relay, self.port = relay, free_port()
        self.postfix = UNPACKED / "postfix"
        need(self.postfix / "usr/lib/postfix/sbin/master", root=True)

    def start(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        config = self.make("config")
        self.make("queue", "queue/pid")
        self.make("data", *(f"queue/{name}" for name in _QUEUES), owner=nobody)
        places = {"folder": self.folder, "postfix": self.postfix, "relay": self.relay, "port": self.port}
        (config / "main.cf").write_text(_MAIN.format(**places))
        (config / "master.cf").write_text(_MASTER.format(**places))
        libraries = str(self.postfix / "usr/lib/postfix")
        self.process = subprocess.Popen(
            [self.postfix / "usr/lib/postfix/sbin/master", "-c", config, "-d"],
            env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries, "MAIL_CONFIG": str(config)},
            start_new_session=True,
        )
        wait_for(self._answers)

    def _answers(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                return client.noop()[0] == 250
        except OSError:
            return False

    def stop(self):
        # The master's daemons are in its session.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)

    def send(self, sender, recipient, data, notify=""):
        """`notify` as in RFC 3461 §4.1."""
        options = [f"NOTIFY={notify}"] if notify else []
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            client.sendmail(sender, [recipient], data, rcpt_options=options)

    def push(self):
        """It needs none."""


_EXIM = """\
exim_path = {folder}/exim
exim_user = {uid}
exim_group = {gid}
primary_hostname = mx.exim.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
keep_environment =
never_users =
disable_ipv6 = true
trusted_users = root
begin routers
all:
  driver = manualroute
  domains = *
  transport = out
  route_list = * 127.0.0.1
  self = send
begin transports
out:
  driver = smtp
  port = {relay}
  allow_localhost
  hosts_try_dane =
  hosts_avoid_tls = *
begin retry
* * F,1s,1s
"""
#: Exim insists on a user that the system does not have, and drops what it was told of its libraries.
_WRAPPER = """\
#!/bin/sh
LD_LIBRARY_PATH={libraries} LD_PRELOAD={libraries}/libnss_wrapper.so \\
NSS_WRAPPER_PASSWD={folder}/passwd NSS_WRAPPER_GROUP={folder}/group exec {exim} "$@"
"""


class Exim(Folder):
    """Takes mail at its command and tries at once."""

    name = "exim"

    def __init__(self, relay):
        self.relay = relay
        self.exim = UNPACKED / "exim"
        need(self.exim / "usr/sbin/exim4", self.exim / LIBRARIES / "libnss_wrapper.so", root=True)

    def start(self):
        nobody = pwd.getpwnam("nobody")
        user = f"Debian-exim:x:{nobody.pw_uid}:{nobody.pw_gid}::/:/bin/false\n"
        self.make("spool", "log", owner=nobody.pw_uid)
        (self.folder / "passwd").write_text(Path("/etc/passwd").read_text() + user)
        (self.folder / "group").write_text(
            Path("/etc/group").read_text() + f"Debian-exim:x:{nobody.pw_gid}:\n"
        )
        places = {"folder": self.folder, "relay": self.relay, "uid": nobody.pw_uid, "gid": nobody.pw_gid}
        (self.folder / "exim.conf").write_text(_EXIM.format(**places))
        wrapper = self.folder / "exim"
        wrapper.write_text(
            _WRAPPER.format(
                libraries=self.exim / LIBRARIES, folder=self.folder, exim=self.exim / "usr/sbin/exim4"
            )
        )
        wrapper.chmod(0o755)

    def send(self, sender, recipient, data):
        self._run("-odf", "-oi", "-f", sender, recipient, data=data)

    def push(self):
        """Try again what could not be relayed."""
        self._run("-qff")

    def _run(self, *arguments, data=b""):
        command = [self.folder / "exim", "-C", self.folder / "exim.conf", *arguments]
        subprocess.run(command, input=data, check=True, timeout=SECONDS, capture_output=True)
