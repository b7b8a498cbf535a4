"""The SMTP server: programs submit mail with a key (RFC 6409), other servers hand in what comes back (RFC 5321), and a
local server does by LMTP (RFC 2033).

`listeners` opens the ports; `dialogue` is the protocol, `policy` what is taken from whom; `logins`, `submissions` and
`arrivals` read and write the database, on threads of their own.
"""
