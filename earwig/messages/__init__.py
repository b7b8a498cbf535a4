"""Messages that applications hand over: accepted, tried contact by contact, flagged, judged."""

from earwig.messages.handover import Draft, SenderDraft, accept

__all__ = ["Draft", "SenderDraft", "accept"]
