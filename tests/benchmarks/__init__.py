"""How fast it is, each time against something measured in the same run: the rig's own limit, a peer, a plain view."""
