"""The crash drills: real processes, real databases, real faults, and the counts that must hold after each."""
