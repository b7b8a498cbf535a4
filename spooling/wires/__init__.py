"""Foreign APIs, a package each, whose module `mount` says where it stands. Nothing but `config.wires` names one."""
