"""The wire of the Sunlight Foundation's Earwig: its `docs/external.rst`, and its code where that document is
silent.

Quirks, by number; the code names them where they act.

1.  Bodies are form fields, of which the last of a name wins; a body of any other type has no fields.
2.  Both creations answer 200. Errors are one line of plain text that names the field.
3.  A key may travel as form field `key` or `app_key`, in the query under the same names, as `Authorization:
    Token` or `Bearer`, or as `X-Api-Key`; the first found counts. An empty one is none. None, a wrong one and
    one of an inactive account answer 400, not 401.
4.  Presence of all fields is checked before the key, the key before any value.
5.  A key that may not do this, may not be used from this address or may not send from HANDOFF_FROM answers
    403, an account that may not send from there 400; a key over its rate, or an account over its limit, 429.
    The original knew none of these.
6.  EARWIG_HANDOFF_KEYS=message-only asks a key for posting a message only. Without one, a sender goes to the
    account EARWIG_HANDOFF_ACCOUNT, and a message is read by its id alone, which is then the only secret. With
    `default-application` all calls without a key are booked to that account. A key that is sent is always
    checked.
7.  `sender` holds a sender's id, or the fields of /sender/ as JSON; the answer always holds the id.
8.  `recipients` is repeated once a person; repetitions of one person collapse.
9.  A TTL below a day counts as one and never shortens an earlier one; posting by id does not extend it.
10. Times end in `+00:00` and always have six fractional digits.
11. Paths work with and without the final slash; nothing is redirected. 405 has no body.
12. A message of another account does not exist; an id that is not 32 lower-case hex digits neither.
13. `removed` messages are stored and readable, and never delivered: their recipients stay `unscheduled`.
14. The feedback page asks for the attempt, then the token, then whether it was used. `none` is no choice.
15. A one-click POST (RFC 8058) needs no CSRF token, works after any other feedback and any number of times.
16. NUL in any field, line breaks in `subject`, `name` and `email`, and what is longer than its column answer
    400.
"""
