"""The foreign wires of this installation. Nothing else names them."""

from __future__ import annotations

from importlib import import_module

from spooling.mounts import Mount

#: In the order in which their paths are tried.
NAMES = (
    "octosend",
    "smtpeter",
    "relay",
    "handoff",
)
MOUNTS: tuple[Mount, ...] = tuple(import_module(f"spooling.wires.{name}.mount").MOUNT for name in NAMES)
