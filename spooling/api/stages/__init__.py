"""Stage-based messaging over HTTP: the API of Seed's Stage-Based Messaging Store (Seed contract, C1 to C11).

Where the original's versions disagree, or crash:

1. Lists have limit and offset, with `count`, 1,000 a page (C1).
2. `send` asks for the next message, at any time, whatever its body; an unknown subscription is 400, not 404 (C2).
3. The messages of a set answer both readings at once: the set with `messages`, and a page of them in `results` (C7).
4. An id that is no UUID is like an unknown one; so is another account's (C8).
5. What something refers to is not deleted: 409 (C11).
6. Cron fields that nothing can read are refused; what is kept comes back as it was written.
7. A subscription made from a form is active unless the form says otherwise; metadata is an object or null.
8. The webhook makes one subscription of each `data.id` in 24 h.
"""
