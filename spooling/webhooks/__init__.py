"""Webhooks are told what happened, each in its format."""
