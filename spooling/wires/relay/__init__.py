"""The wire of the Doppler Relay HTTP API: its “Getting started”, and its public clients where that document is silent.

Quirks, by number; the code names them where they act.

1.  A key comes as `Authorization: Bearer` or `token`, or as `api_key` in the query of any verb; the header counts where
    it holds one. Any other scheme is no credential.
2.  `{account}` is the account's number or its slug, and links repeat what the caller used. Another account and none are
    the same 403.
3.  Bodies are JSON whatever their Content-Type. A null member is an absent one, unknown ones are ignored.
4.  Links (`href`) begin after the base, its prefix included; clients put base and href together. `Location` is whole.
5.  Runs of `/` count as one, a final one is let be, nothing is ever redirected.
6.  A `+` that came unencoded in a query is a blank in a date's zone, and read as `+`.
7.  `to` is exclusive, is now where it is absent or later, and is pinned in the links of a page.
8.  The name of a template may be another one's, and longer than ours: then ours differs and the template's source
    remembers the client's.
9.  The content of a message has no tags: only templates are rendered.
10. Headers that only the platform writes are ignored; Reply-To has a member of its own.
11. Whoever is suppressed gets a delivery that is `dropped`, and the call succeeds.
12. An author from a domain that is none of the account's is signed for by the account's default domain.
13. Ids of templates are GUIDs; the number of a template finds it too.
14. An error leaves nothing behind: clients repeat every POST that fails.
15. An hour or a day tells what happened in it, to whatever deliveries: one that is sent an hour after it was handed
    over is in the `total` of one hour and in the `sent` of the next. An opening by a filter is an event, but opens
    nothing.
16. A refusal is hard from code 500 on. What came back later is hard where it says so of the address or for good.
17. A report is made of what is stored, and made again when somebody in it is erased. Its file needs no key, but its
    address expires.
18. A session's `sub` is a number, and it ends with the key that it names.
19. The same file under the same name is kept once. It shows itself where a smaller picture is asked for.
"""
