"""Foreign APIs, a package each. Nothing but the URL table imports one."""
