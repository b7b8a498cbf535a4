"""Whether a machine wrote a mail, by what it says of itself: such mail is never answered (RFC 3834 §2). Pure."""

from __future__ import annotations

import re

from spooling.inbound.fields import Fields
from spooling.received import decoded

#: Relays that a mail has passed at most, before it is taken for one that runs in circles (RFC 5321 §6.3).
MOST_HOPS = 100

#: Of mailing lists and bulk mail (RFC 2919, RFC 2369, RFC 3834 §2).
_LISTS = ("List-Id", "List-Unsubscribe", "List-Post", "Feedback-ID")
_PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
_RESPONDERS = ("X-Autoreply", "X-Autorespond", "X-AutoReply-From", "X-Mail-Autoreply", "Auto-Reply")
#: Local parts of senders that are programs.
_PROGRAMS = re.compile(
    r"(?:mailer-?daemon|postmaster|mail-?daemon|no-?reply|do-?not-?reply|bounces?|mdaemon|mmdf|uucp|root)\b",
    re.IGNORECASE,
)
#: Subjects by which people's mail programs answer for them: how they begin, and words that stand alone or before a
#: colon. People write of holidays and of absence, too.
_SUBJECTS = re.compile(
    r"(?:"
    r"auto(?:matic|mated)?[ -]?(?:reply|response|antwort|respond\w*)\b|out of (?:the )?office|ooo\s*:|"
    r"(?:vacation|holiday|away|absence) (?:reply|notice|message|notification)\b|"
    r"automatische (?:antwort|abwesenheit)|abwesenheits(?:notiz|nachricht|meldung|assistent)|nicht im b(?:ü|ue)ro|"
    r"r(?:é|e)ponse automatique|absence du bureau|absent du bureau|message d'absence|"
    r"respuesta autom(?:á|a)tica|fuera de (?:la )?oficina|"
    r"risposta automatica|fuori ufficio|fuori sede|"
    r"resposta autom(?:á|a)tica|fora do escrit(?:ó|o)rio|"
    r"automatisch (?:antwoord|bericht)|afwezigheids\w+|niet aanwezig|buiten kantoor|"
    r"autosvar|automatiskt? svar|automaattinen vastaus|poissaoloilmoitus|"
    r"automatyczna odpowied(?:ź|z)|poza biurem|automatick(?:á|a) odpov(?:ě|e)(?:ď|d)|otomatik yan(?:ı|i)t|"
    r"автоответ|автоматический ответ|вне офиса|自動返信|自动回复|自動回覆|자동 ?회신|"
    r"(?:i am (?:away|out)|on (?:vacation|holiday|leave)|abwesend|abwesenheit|urlaub|absent|absence|en cong(?:é|e)s?|"
    r"ausente|ausencia|de vacaciones|assente|in ferie|aus(?:ê|e)ncia|afwezig|frånvaro|fraværende|"
    r"nieobecno(?:ś|s)(?:ć|c)|不在)\s*(?:\Z|[:!])"
    r")",
    re.IGNORECASE,
)


def answers_for_somebody(fields: Fields) -> bool:
    """Whether it answers for one who is away, or says that it was received; whoever it names as its sender."""
    if any(fields.first(name) for name in _RESPONDERS):
        return True
    if fields.first("Precedence").lower() in ("auto_reply", "auto-reply"):
        return True
    return bool(_SUBJECTS.match(decoded(fields.first("Subject"))))


def is_from_program(fields: Fields) -> bool:
    """Whether the author is a mail system and no person."""
    return bool(_PROGRAMS.match(fields.author() or fields.first("From").lstrip("<\"'")))


def is_automatic(fields: Fields, sender: str) -> bool:
    """Whether no person wrote it to us: a machine's mail, a list's, or without a return path."""
    submitted = fields.first("Auto-Submitted").lower()
    return (
        not sender.strip("<>")
        or (submitted != "" and not submitted.startswith("no"))
        or fields.first("Precedence").lower() in _PRECEDENCE
        or any(fields.first(name) for name in _LISTS)
        or is_from_program(fields)
        or answers_for_somebody(fields)
        or runs_in_circles(fields)
    )


def wants_no_answer(fields: Fields) -> bool:
    """Whether its author's system asks for no automatic answers, though a person may have written it."""
    words = {word.strip() for word in fields.first("X-Auto-Response-Suppress").lower().split(",")}
    return bool(words & {"all", "oof", "autoreply"})


def runs_in_circles(fields: Fields) -> bool:
    """Whether it passed too many relays."""
    return len(fields.all("Received")) > MOST_HOPS
