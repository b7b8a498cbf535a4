"""The wire of SMTPeter's REST API, version 1.

Quirks, by number; the code names them where they act.

1.  A success is answered as exactly `application/json`, without a charset: clients compare the whole header.
2.  `send` answers the one byte `1`, unless the key is set to answer ids; `resend` always answers ids.
3.  Plain HTTP is refused with 400 and never redirected, unless REQUIRE_HTTPS is off.
4.  Paths are served with and without their final slash, and nothing is redirected: a redirected POST loses its body.
5.  Bodies are JSON, forms, or multipart forms; names in brackets nest. Without a type a body that begins with `{` is
    JSON. What comes as a file of a form reads as an attachment.
6.  A null is absent, and unknown properties are ignored.
7.  Every refusal is a JSON object `{"error": TEXT}`, whatever the client accepts.
8.  A mail goes to its recipients alone; `to` and `cc` are text, and `bcc` is nothing.
9.  Tracking is on unless it is switched off. Options have a later and an earlier name, of which the later counts.
10. A complete message says its options in `x-smtpeter-` fields, which count before those of the call and do not leave.
11. What the header says of people may hold tags, also in addresses: it is rendered when the call is taken, as the
    author's domain decides whether it may be taken.
12. From a domain that is not approved nothing is sent, in the very words that clients look for.
13. Digits are a template's id before they are its name, and a file's number whatever the files are called.
14. A body that a mail does not have is 204: clients take an empty 200 for an error. An envelope sender that was not
    given is an empty 200, as the document says.
15. Header fields are shown each in one line: a client misreads those folded with blanks.
16. An event has its fields twice, flat and in `data`, and one that came back is both a bounce and a failure. All
    fields are texts but the number of the try, from 0, and the template's id, 0 without one.
17. Windows are whole days in UTC, the last one excluded, and cut to a month.
18. What may be long is streamed; what is not has its length.
19. A template's HTML is shown in `content` too, where clients look for it; of both, the one that was changed counts.
    Other editors' properties come back as they were. `Location` names the token, as clients follow it.
20. The first POST of a domain answers its proof, later ones approve it. The usual hosts are used once they lead here.
21. `feedbackloop` is a webhook, and `tag` is `stats`.
"""
