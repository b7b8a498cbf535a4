"""Campaigns: what they say, whom they go to, and what a person wants to know before and after their launch."""
