"""Mail that comes in: reports on mails that came back, complaints, answers, unsubscriptions, reports on DMARC.
And what clients are told of mail of theirs that comes back or failed with us.

Servers ask whether an address is `known`, and hand over what comes to it by `take`.
"""

from spooling.inbound.destinations import known
from spooling.inbound.taking import take

__all__ = ["known", "take"]
