"""Stage-based messaging: who gets which message of a set, and when (Seed contract)."""
