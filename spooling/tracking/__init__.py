"""Tracked links: their tokens, what becomes of a hit, and the pages that recipients see."""
