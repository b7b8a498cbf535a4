"""Links between resources: every relation and what leads to it, and every form that an answer has. What is printed
anywhere stands here, and has its page under `/docs/rels/` or `/schemas/` (contract §1.2).
"""

from __future__ import annotations

from typing import Any

Link = dict[str, str]

#: Every relation of ours, and how links of it are described where nothing else is said.
RELATIONS: dict[str, str] = {
    "experimental": "May change without notice",
    "get-index": "API index",
    "get-account-home": "Account home",
    # templates
    "get-template-collection": "Collection of templates",
    "create-template": "Create template",
    "get-template": "Specific template",
    "edit-template": "Edit template",
    "delete-template": "Delete template",
    "get-template-body": "Body of the template",
    "edit-template-body": "Edit the body of the template",
    "create-template-message": "Create and send an email based on a template and a model to populate it",
    # messages and deliveries
    "create-message": "Create and send an email",
    "get-message-collection": "Collection of messages",
    "get-message": "Specific message",
    "get-delivery-collection": "Collection of deliveries",
    "get-delivery": "Specific delivery",
    # figures
    "get-deliveries-aggregation": "What became of the deliveries of a time",
    "get-deliveries-by-hour": "What became of deliveries, by the hour",
    "get-deliveries-by-day": "What became of deliveries, by the day",
    "get-events-by-hour": "Openings and clicks, by the hour",
    "get-events-by-day": "Openings and clicks, by the day",
    "get-event-collection": "Collection of events",
    # reports
    "create-report-request": "Request a report",
    "get-report-request": "Specific report request",
    "get-report-request-collection": "Collection of report requests",
    # the account
    "get-domain-collection": "Collection of sending domains",
    "get-domain": "Specific sending domain",
    "edit-domain": "Create, enable or disable the sending domain",
    "delete-domain": "Delete the sending domain",
    "edit-default-domain": "Choose the default sending domain",
    "get-status-limits": "Sending limits",
    "get-user": "The user",
    "get-api-keys": "Keys of the user",
    "create-api-key": "Create a key",
    "resubscribe-subscriber": "Send to an address again",
    # files
    "get-file-collection": "Collection of files",
    "create-file": "Upload a file",
    "get-file-content": "The file itself",
    "get-file-thumbnail-small": "A small picture of the file",
    "get-file-thumbnail-large": "A large picture of the file",
    "delete-file": "Delete the file",
}
#: Names of relations that everybody knows (IANA), and that have no page.
STANDARD = frozenset({"self", "related", "first", "last", "next", "previous"})


def link(href: str, *names: str, description: str | None = None) -> Link:
    """A link from the base on (quirk 4). The first of ours among `names` describes it where nothing else does."""
    if description is None:
        description = next(
            RELATIONS[name] for name in names if name not in STANDARD and name != "experimental"
        )
    rels = [name if name in STANDARD else f"/docs/rels/{name}" for name in names]
    return {"href": href, "description": description, "rel": " ".join(sorted(rels))}


INDEX = link("/", "get-index")


def account_home(account: str) -> Link:
    """`account` is its path as the caller named it: `/accounts/5`."""
    return link(account, "get-account-home")


#: The same without an account, as the source document prints it.
NO_ACCOUNT_HOME = link("/accounts/{accountId:int}", "get-account-home")


def _object(description: str, /, **properties: Any) -> dict[str, Any]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "description": description,
        "type": "object",
        "properties": properties,
    }


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
FLAG = {"type": "boolean"}
DATE = {"type": "string", "format": "date-time"}
LINKS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["href", "rel"],
        "properties": {"href": TEXT, "description": TEXT, "rel": TEXT},
    },
}


def _page(of: str) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": f"{of}.json"}}
    return _object(
        f"A page of a collection of {of.replace('-', ' ')} items",
        items=items,
        pageSize=INTEGER,
        itemsCount=INTEGER,
        currentPage=INTEGER,
        pagesCount=INTEGER,
        _links=LINKS,
    )


#: The JSON Schema of every form, by its name.
SCHEMAS: dict[str, dict[str, Any]] = {
    "index": _object("The entrance", _links=LINKS),
    "schema": _object("A JSON Schema"),
    "relation": _object("A relation", name=TEXT, description=TEXT, _links=LINKS),
    "problem-kind": _object(
        "A kind of error", status=INTEGER, number=INTEGER, title=TEXT, type=TEXT, _links=LINKS
    ),
    "problem": _object(
        "An error",
        title=TEXT,
        status=INTEGER,
        errorCode=INTEGER,
        detail=TEXT,
        type=TEXT,
        errors={"type": "array", "items": _object("A flaw", key=TEXT, detail=TEXT)},
        _links=LINKS,
    ),
    "message-result": _object("A success", message=TEXT, _links=LINKS),
    "creation-result": _object("A success", createdResourceId=TEXT, message=TEXT, _links=LINKS),
    "account": _object("An account", accountId=INTEGER, accountName=TEXT, _links=LINKS),
    "template": _object(
        "A template",
        from_name=TEXT,
        from_email=TEXT,
        subject=TEXT,
        body=TEXT,
        name=TEXT,
        id=TEXT,
        last_updated=DATE,
        created_at=DATE,
        bodyType={"enum": ["rawHtml", "mseditor", "empty"]},
        _links=LINKS,
    ),
    "template-collection-page": _page("template"),
    "template-body": _object("The body of a template", name=TEXT, html=TEXT, mseditor={}, _links=LINKS),
    "message": _object(
        "A message",
        id=TEXT,
        messageId=TEXT,
        from_name=TEXT,
        from_email=TEXT,
        subject=TEXT,
        date=DATE,
        metadata={"type": "object"},
        _links=LINKS,
    ),
    "template-message": _object(
        "What a template is sent with",
        from_name=TEXT,
        from_email=TEXT,
        subject=TEXT,
        recipients={"type": "array"},
        model={"type": "object"},
    ),
    "message-collection-page": _page("message"),
    "delivery": _object(
        "A message to one recipient",
        id=TEXT,
        messageId=TEXT,
        subject=TEXT,
        senderAddress=TEXT,
        senderName=TEXT,
        recipientAddress=TEXT,
        recipientName=TEXT,
        date=DATE,
        status={"enum": ["queued", "sent", "rejected", "retrying", "invalid", "dropped"]},
        bounceType={"enum": ["hard", "soft", None]},
        opens=INTEGER,
        clicks=INTEGER,
        metadata={"type": "object"},
        events={"type": "array", "items": {"$ref": "event.json"}},
        _links=LINKS,
    ),
    "delivery-collection-page": _page("delivery"),
    "event": _object(
        "What happened to a delivery",
        type=TEXT,
        date=DATE,
        recipientAddress=TEXT,
        deliveryId=TEXT,
        url=TEXT,
        ip=TEXT,
        userAgent=TEXT,
    ),
    "event-collection-page": _page("event"),
    "deliveries-aggregation": _object(
        "What became of the deliveries of a time",
        **{"from": DATE, "to": DATE, "hours": NUMBER},
        **dict.fromkeys(("total", "sent", "hard_bounced", "soft_bounced", "dropped"), INTEGER),
        **dict.fromkeys(("opened", "clicked"), INTEGER),
        _links=LINKS,
    ),
    "deliveries-aggregation-collection-page": _page("deliveries-aggregation"),
    "events-aggregation": _object(
        "Openings and clicks of a time",
        **{"from": DATE, "to": DATE, "hours": NUMBER, "opens": INTEGER, "clicks": INTEGER},
    ),
    "events-aggregation-collection-page": _page("events-aggregation"),
    "report-request": _object(
        "A report that was asked for",
        user_id=INTEGER,
        name=TEXT,
        processed=FLAG,
        start_date=DATE,
        end_date=DATE,
        filter=TEXT,
        resource=TEXT,
        accountId=INTEGER,
        file_path={"type": ["string", "null"]},
        _links=LINKS,
    ),
    "report-request-collection": _object(
        "Reports that were asked for",
        items={"type": "array", "items": {"$ref": "report-request.json"}},
        _links=LINKS,
    ),
    "domain": _object(
        "A sending domain",
        name=TEXT,
        disabled=FLAG,
        **dict.fromkeys(("dkim_ready", "spf_ready", "dmarc_ready", "tracking_domain_ready"), FLAG),
        **dict.fromkeys(("dkim_selector", "dkim_public_key"), TEXT),
        **dict.fromkeys(("tracking_domain", "canonical_tracking_domain"), TEXT),
        _links=LINKS,
    ),
    "domain-collection": _object(
        "Sending domains",
        domains={"type": "array", "items": {"$ref": "domain.json"}},
        default=TEXT,
        _links=LINKS,
    ),
    "domain-result": _object("A success", result=FLAG, _links=LINKS),
    "default-domain": _object("Which sending domain is the default one", name=TEXT),
    "status-limits": _object(
        "Sending limits",
        **dict.fromkeys(
            ("monthly", "daily", "hourly"),
            _object("A limit", limit=INTEGER, remaining=INTEGER, reset=DATE),
        ),
        noLimits=FLAG,
        domainConfigurationRequired=FLAG,
        dkimConfigurationRequired=FLAG,
        hasNotDeliveries=FLAG,
        _links=LINKS,
    ),
    "api-key": _object("A key", api_key=TEXT),
    "api-key-collection": _object(
        "Keys", api_keys={"type": "array", "items": {"$ref": "api-key.json"}}, _links=LINKS
    ),
    "login": _object("Who logs in, or for whom", username=TEXT, password=TEXT, userToImpersonate=TEXT),
    "token": _object("A session", access_token=TEXT),
    "user": _object("A user", user_email=TEXT, user_id=INTEGER, account_name=TEXT, _links=LINKS),
    "resubscription": _object("Why an address gets mail again, from which domain", reason=TEXT, domain=TEXT),
    "file": _object("A file", id=TEXT, image=FLAG, last_upload=DATE, name=TEXT, size=INTEGER, _links=LINKS),
    "file-collection-page": _page("file"),
}
