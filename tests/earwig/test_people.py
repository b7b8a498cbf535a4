import json

import pytest

from earwig import errors, people, people_imports
from earwig.models import ContactDetail, Person

HEADER = "ocd_id,name,title,photo_url,type,value,note,type,value,note\n"


def contact(value, type="email", note=""):
    return people.ContactRecord(type=type, value=value, note=note)


def record(*contacts, external_id="ocd-person/1", name="Ann", **fields):
    return people.PersonRecord(external_id=external_id, name=name, contacts=contacts, **fields)


def state(value):
    return ContactDetail.objects.values_list("blocked", "reason").get(value=value)


def import_csv(account, text, **options):
    return people_imports.from_csv(account, text.splitlines(keepends=True), **options)


def test_the_limits_are_those_of_the_columns():
    for field, most in people.MOST_CHARACTERS.items():
        model = ContactDetail if field in ("value", "note") else Person
        assert model._meta.get_field(field).max_length == most


def test_a_person_is_stored_with_contacts(account):
    person = people.upsert(account, record=record(contact("a@x.example", note="office")))
    assert (person.account, person.external_id, person.name) == (account, "ocd-person/1", "Ann")
    assert list(person.contacts.values_list("type", "value", "note", "blocked")) == [
        ("email", "a@x.example", "office", False)
    ]


def test_the_name_is_replaced_and_title_and_photo_only_by_what_is_not_empty(account):
    people.upsert(account, record=record(title="Senator", photo_url="https://x.example/1.png"))
    person = people.upsert(account, record=record(name="Anne", title="", photo_url=""))
    assert (person.name, person.title, person.photo_url) == ("Anne", "Senator", "https://x.example/1.png")
    assert people.upsert(account, record=record(title="Governor")).title == "Governor"


def test_a_contact_of_an_unknown_type_is_passed_over(account):
    person = people.upsert(account, record=record(contact("x", type="pigeon"), contact("1", type="voice")))
    assert [detail.type for detail in person.contacts.all()] == ["voice"]


def test_a_vanished_contact_is_blocked_and_comes_back(account):
    people.upsert(account, record=record(contact("a@x.example"), contact("b@x.example")))
    people.upsert(account, record=record(contact("b@x.example")))
    assert state("a@x.example") == (True, "import")
    assert state("b@x.example") == (False, "")
    people.upsert(account, record=record(contact("a@x.example"), contact("b@x.example")))
    assert state("a@x.example") == (False, "")
    assert ContactDetail.objects.count() == 2


@pytest.mark.parametrize("reason", ["feedback", "bounce", "staff"])
def test_a_contact_blocked_otherwise_stays_blocked(account, reason):
    people.upsert(account, record=record(contact("a@x.example")))
    ContactDetail.objects.update(blocked=True, reason=reason)
    people.upsert(account, record=record())
    people.upsert(account, record=record(contact("a@x.example")))
    assert state("a@x.example") == (True, reason)


def test_a_note_is_replaced_only_by_what_is_not_empty(account):
    people.upsert(account, record=record(contact("a@x.example", note="office")))
    people.upsert(account, record=record(contact("a@x.example")))
    assert ContactDetail.objects.get().note == "office"
    people.upsert(account, record=record(contact("a@x.example", note="home")))
    assert ContactDetail.objects.get().note == "home"


def test_contacts_are_matched_within_the_person_and_people_within_the_account(account, other_account):
    first = people.upsert(account, record=record(contact("a@x.example")))
    second = people.upsert(account, record=record(contact("a@x.example"), external_id="ocd-person/2"))
    theirs = people.upsert(other_account, record=record(contact("b@x.example"), name="Theirs"))
    assert len({first.pk, second.pk, theirs.pk}) == 3
    first.refresh_from_db()
    assert first.name == "Ann"
    assert not ContactDetail.objects.filter(blocked=True).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        record(external_id=""),
        record(name=""),
        record(name="x" * 101),
        record(name="a\0b"),
        record(title="a\r\nb"),
        record(contact("not an address")),
        record(contact("")),
        record(contact("1" * 255, type="voice")),
        record(contact("1", type="voice", note="x" * 101)),
    ],
)
def test_an_impossible_person_leaves_nothing_behind(account, wrong):
    with pytest.raises(errors.InvalidPerson):
        people.upsert(account, record=wrong)
    assert not Person.objects.exists()


def test_a_refused_change_changes_nothing(account):
    people.upsert(account, record=record(contact("a@x.example")))
    with pytest.raises(errors.InvalidPerson):
        people.upsert(account, record=record(contact("b@x.example"), contact("broken"), name="Other"))
    assert Person.objects.get().name == "Ann"
    assert list(ContactDetail.objects.values_list("value", "blocked")) == [("a@x.example", False)]


def test_a_csv_file_has_contacts_side_by_side(account):
    report = import_csv(
        account,
        "\ufeff" + HEADER + "ocd-person/1,Ann,Senator,,email,a@x.example,office,voice,+1 555,\n"
        'ocd-person/2,"Bob, Jr.",,,email,b@x.example\n'
        "\n"
        "ocd-person/3,Cy\n",
    )
    assert (report.stored, report.refused) == (3, [])
    ann = Person.objects.get(external_id="ocd-person/1")
    assert list(ann.contacts.order_by("id").values_list("type", "value", "note")) == [
        ("email", "a@x.example", "office"),
        ("voice", "+1 555", ""),
    ]
    assert Person.objects.get(external_id="ocd-person/2").name == "Bob, Jr."


def test_each_refused_line_is_named_and_the_others_are_stored(account):
    report = import_csv(
        account,
        HEADER + "ocd-person/1,Ann,,,email,a@x.example\n"
        ",Nobody\n"
        "ocd-person/2,Bob,,,email,broken\n"
        "ocd-person/1,Again\n"
        "ocd-person/3,Cy,,,,,,,,,too many\n"
        "ocd-person/4,Di,,,email,d@x.example\n",
    )
    assert report.stored == 2
    assert [line for line, _ in report.refused] == ["3", "4", "5", "6"]
    assert list(Person.objects.order_by("id").values_list("name", flat=True)) == ["Ann", "Di"]


@pytest.mark.parametrize(
    "header", ["", "name\n", "ocd_id,name,name\n", "ocd_id,name,shoe size\n", "ocd_id,name,type\n"]
)
def test_a_file_without_the_columns_is_refused_as_a_whole(account, header):
    with pytest.raises(errors.InvalidImport):
        import_csv(account, header + "ocd-person/1,Ann,x\n")
    assert not Person.objects.exists()


def test_progress_is_told_batch_by_batch(account, monkeypatch):
    monkeypatch.setattr(people_imports, "ROWS_PER_COMMIT", 2)
    told = []
    rows = "".join(f"ocd-person/{number},Ann\n" for number in range(5))
    import_csv(account, HEADER + rows, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, None), (4, None), (5, None)]


def test_a_json_file_is_a_list_of_people(account):
    entries = [
        {
            "ocd_id": "ocd-person/1",
            "name": "Ann",
            "photo_url": None,
            "contact_details": [{"type": "email", "value": "a@x.example", "note": "office"}],
        },
        {"ocd_id": "ocd-person/2", "name": 7},
        "nonsense",
        {"ocd_id": "ocd-person/3", "name": "Cy", "contact_details": [None]},
        {"ocd_id": "ocd-person/4", "name": "Di", "contact_details": {"type": "email"}},
    ]
    report = people_imports.from_json(account, json.dumps(entries))
    assert report.stored == 1
    assert [index for index, _ in report.refused] == ["1", "2", "3", "4"]
    assert ContactDetail.objects.get().note == "office"


@pytest.mark.parametrize("text", ["", "{", "{}", "[" * 100_000])
def test_what_is_no_json_list_is_refused(account, text):
    with pytest.raises(errors.InvalidImport):
        people_imports.from_json(account, text)


class Service:
    """An OCD service of three people on two pages."""

    def __init__(self, people, pages):
        self.people = people
        self.pages = pages
        self.asked = []

    def __call__(self, path, parameters):
        self.asked.append((path, dict(parameters)))
        if path == "people/":
            page = int(parameters["page"])
            results = [{"id": ocd_id} for ocd_id in self.pages[page]]
            return {"meta": {"page": page, "max_page": len(self.pages) - 1}, "results": results}
        if path not in self.people:
            raise errors.FeedUnavailable
        return self.people[path]


def test_everyone_on_every_page_of_the_service_is_imported(account):
    service = Service(
        {
            "ocd-person/1": {
                "name": "Ann",
                "contact_details": [{"type": "email", "value": "a@x.example", "note": ""}],
                "memberships": [
                    {"contact_details": [{"type": "voice", "value": "+1 555", "note": "district"}]},
                    {},
                ],
            },
            "ocd-person/3": {"name": "Cy", "title": None, "other": [1]},
        },
        [["ocd-person/1", "ocd-person/2"], ["ocd-person/3"]],
    )
    told = []
    report = people_imports.from_ocd(
        account, service, since="2014-01-01", progress=lambda done, total: told.append(done)
    )
    assert report.stored == 2
    assert [ocd_id for ocd_id, _ in report.refused] == ["ocd-person/2"]
    assert told == [1, 2, 3]
    listings = [parameters for path, parameters in service.asked if path == "people/"]
    assert listings == [
        {"updated_at__gte": "2014-01-01", "page": "0"},
        {"updated_at__gte": "2014-01-01", "page": "1"},
    ]
    assert set(Person.objects.get(name="Ann").contacts.values_list("value", flat=True)) == {
        "a@x.example",
        "+1 555",
    }


@pytest.mark.parametrize(
    "answer",
    [{"name": ["x"]}, {"name": "x", "contact_details": "y"}, {"name": "x", "memberships": 1}, [], None, {}],
)
def test_a_person_of_another_form_is_reported(account, answer):
    service = Service({"ocd-person/1": answer}, [["ocd-person/1"]])
    report = people_imports.from_ocd(account, service, since="2014-01-01")
    assert (report.stored, len(report.refused)) == (0, 1)
    assert not Person.objects.exists()


@pytest.mark.parametrize("answer", [None, {}, {"results": [{}], "meta": {"max_page": 0}}, {"results": []}])
def test_a_list_of_another_form_ends_the_import(account, answer):
    with pytest.raises(errors.FeedUnavailable):
        people_imports.from_ocd(account, lambda path, parameters: answer, since="2014-01-01")
