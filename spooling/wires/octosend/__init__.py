"""The wire of the Octosend HTTP API 3.0.

Quirks, by number; the code names them where they act.

1.  Bodies are JSON whatever their Content-Type. None, `{}`, `[]` and `null` all hold no parameters, a null parameter
    is an absent one, and unknown ones are ignored.
2.  Every success is 200 with `Content-Type: application/json`, byte for byte; one SDK takes anything else for text.
    No answer carries `Location` but those that lead to a file.
3.  Only GET and POST. Neither paths nor slashes are ever redirected: runs of `/` count as one, a final one is let be.
4.  Checked in this order: path, verb, key, existence of the domain or spooler, body, state. A call without a key is
    403 whatever else is wrong with it; there is no 401, and no 409: what a state forbids is 400.
5.  A list with gaps arrives as an object; its values count.
6.  Numbers may come as strings and with a fraction, which is dropped; booleans as 0, 1, "yes" and "no".
7.  0 is no bound in a filter by time, an empty list no filter, and an unknown word in one matches nothing.
8.  A `limit` is honoured or refused, never clamped: a page shorter than asked is the last one to a client.
9.  Times are whole seconds; an upper bound holds its whole second.
10. `authenticate` answers one stable key for each user and password, and invalidates none: some clients log in once
    for each page view.
11. The `start` of a spooler is 0 until it is set.
12. A paused spooler shows as `pending`, one that takes no more mail and still sends as `running`.
13. A call that asks for the state that is reached already changes nothing and succeeds.
14. A domain that was deleted is found nowhere, signs what still waits, and comes back as it was when it is created
    again.
15. A template holds what was stored, word for word; it has the type of the part that it is for.
16. A message is replaced as a whole: what is absent, null or empty is unset. The answer has its keys and the spooler's.
17. A mail with parts or attachments of its own uses neither of the message's, and needs parts beside attachments.
18. A sender's name alone speaks from an address at the spooler's domain. A header that only the platform writes is
    kept as it was told, and ignored; Reply-To must be an address.
19. The second mail of a marketing spooler to one address is a `duplicate`, and shows the id of the first.
20. A body lists entries as `mails`, by `email`, or as `recipients`, by `recipient`.
"""
