"""The API of registration makes pending requests and nothing else, whatever it is sent."""

import json
from base64 import b64decode
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.registration.declarations import Incomplete
from idp.web.register.api import OPERATIONS
from idp.web.register.contract import REFUSALS, ROOT
from tests.support.app import CAPTCHA, App, Visitor
from tests.support.declarations import FIELDS, ROLES, drawn
from tests.support.desk import open_agencies
from tests.support.work import solve

FORM = {n: v for n, v in FIELDS.items() if n not in ("region", "ivan", "starts_on")} | {
    "contact_person": "Trần Thị Nga"
}


class Phone:
    """An app that registers somebody."""

    def __init__(self, app: App, kind: str = "individual") -> None:
        self.app = app
        self.visitor: Visitor = app.visitor()
        if not len(app.provider.stores.agencies.tree()):
            open_agencies(app)
        self.secret = ""
        begun = self.post("", {"kind": kind})
        assert begun.status_code == 201, begun.text
        self.secret = (begun.json or {})["secret"]

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self.visitor.post(ROOT + path, data=raw, headers=self._bearer() | headers)

    def get(self, path: str) -> TestResponse:
        return self.visitor.get(ROOT + path, headers=self._bearer())

    def fill(self, **changes: Any) -> TestResponse:
        return self.post("/draft", FORM | {"agrees": True} | changes)

    def complete(self) -> None:
        self.fill()
        for role in ROLES:
            assert self.post(f"/draft/{role}", drawn()).status_code == 200

    def register(self) -> str:
        self.complete()
        assert self.post("/draft/code").status_code == 202
        done = self.post("/draft/submit", {"code": self.app.code_sent("email")})
        assert (done.json or {})["state"] == "submitted", done.text
        return str((done.json or {})["reference"])

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}


@pytest.fixture
def phone(app: App) -> Phone:
    return Phone(app)


def refused(answer: TestResponse) -> str:
    """The code of a refusal that is as the table says."""
    said = answer.json or {}
    assert answer.content_type == "application/problem+json", (answer.status_code, answer.text)
    assert (said["status"], answer.status_code) == (REFUSALS[said["code"]].status,) * 2
    return str(said["code"])


def test_an_app_registers_somebody(everywhere: App) -> None:
    phone = Phone(everywhere)
    reference = phone.register()
    handed = everywhere.provider.stores.declarations.find_by_reference(reference.replace("-", ""))

    assert handed
    assert (handed.state, handed.channel, handed.account_id, handed.decided_by) == ("submitted", "app", None, None)
    assert [m.template for m in everywhere.told("email")] == ["declaration_received"]
    status = phone.post("/status", {"reference": reference, "phone": "0981234567"}, **{"Accept-Language": "en"})
    assert (status.json or {})["state"] == "submitted"


def test_handed_in_twice_it_is_one(phone: Phone) -> None:
    reference = phone.register()

    assert (phone.post("/draft/submit", {"code": "123456"}).json or {})["reference"] == reference
    assert refused(phone.fill()) == "handed_in"
    assert refused(phone.post("/draft/code")) == "handed_in"
    for role in ROLES:
        assert refused(phone.post(f"/draft/{role}", drawn())) == "handed_in"


@pytest.mark.parametrize(
    "member",
    ["state", "status", "role", "verified", "email_verified_at", "phone_verified_at", "account_id", "decided_by", "id",
     "reference", "channel", "kind", "request", "secret", "secret_digest", "version", "expires_at", "__proto__"],
)  # fmt: skip
def test_no_member_is_assigned_that_is_not_of_the_form(phone: Phone, member: str) -> None:
    """Mass assignment: W-05 of the form, whoever sends it."""
    whole = {
        "": {"kind": "individual"},
        "/draft": FORM,
        "/draft/code": {},
        "/draft/submit": {"code": "123456"},
        "/status": {"reference": "2222222222", "phone": "0981234567"},
    }
    for path, body in whole.items():
        if member not in body:
            assert refused(phone.post(path, body | {member: "approved"})) == "bad_request", path
    told = phone.get("/draft").json or {}

    assert (told["state"], told["form"]["name"]) == ("draft", "")


def test_types_are_not_confused(phone: Phone) -> None:
    for value in (None, 0, 1.5, True, [], ["x"], {}, {"a": 1}, "x" * 401, "\0", "\ud800"):
        assert refused(phone.post("/draft", {"name": value})) == "bad_request"
    for value in ("1", 1, None, [True]):
        assert refused(phone.post("/draft", {"agrees": value})) == "bad_request"
    for body in (b"null", b"[]", b"1", b"{", b"\xff", b'{"name":"a","name":"b"}', b"[" * 30_000, b"a=b"):
        assert refused(phone.post("/draft", body)) == "bad_request"
    assert refused(phone.post("/draft", b" " * 65_537)) == "too_large"
    assert refused(phone.post("", {"kind": "officer"})) == "kind"


def test_nobody_reads_or_writes_a_draft_without_its_secret(phone: Phone) -> None:
    """IDOR: another's secret, the reference, the id, a cookie, nothing."""
    phone.complete()
    stored = phone.app.provider.registration.declarations.of_secret(phone.secret)
    for secret in (
        "",
        "r_x",
        stored.id,
        stored.reference,
        stored.secret_digest,
        phone.secret[:-1] + "!",
        "r_" + "A" * 43,
    ):
        stranger = Phone.__new__(Phone)
        stranger.app, stranger.visitor, stranger.secret = phone.app, phone.app.visitor(), secret
        stranger.visitor.http.set_cookie("__Host-r", phone.secret, domain="id.example.test", secure=True)
        assert refused(stranger.get("/draft")) == "no_draft"
        assert refused(stranger.fill()) == "no_draft"
        assert refused(stranger.post("/draft/front", drawn())) == "no_draft"
        assert refused(stranger.post("/draft/submit", {"code": "123456"})) == "no_draft"
    photo = phone.app.visitor().get("/register/photo/front")
    assert photo.status_code == 404


def test_pictures_are_judged_by_what_they_are(phone: Phone) -> None:
    for file, why in ((b"", "empty"), (b"<svg/>", "not_a_picture"), (drawn((10, 10)), "too_small")):
        answer = phone.post("/draft/front", file, **{"Content-Type": "image/jpeg"})
        assert (refused(answer), (answer.json or {})["why"]) == ("picture", why)
    over = phone.post("/draft/front", b"\0" * (8 * 1024 * 1024 + 1))
    assert (refused(over), (over.json or {})["why"]) == ("picture", "too_large")
    assert refused(phone.post("/draft/front", b"\0" * (16 * 1024 * 1024 + 1))) == "too_large"
    assert phone.post("/draft/front", drawn(kind="PNG"), **{"Content-Type": "text/html"}).status_code == 200


def test_a_code_is_guessed_five_times_at_most(phone: Phone) -> None:
    phone.complete()
    phone.post("/draft/code")
    right = phone.app.code_sent("email")
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    answers = [refused(phone.post("/draft/submit", {"code": wrong})) for _ in range(6)]

    assert answers[:4] == ["code_wrong"] * 4
    assert answers[-1] == "code_exhausted"
    assert refused(phone.post("/draft/submit", {"code": right})) == "code_exhausted"


def test_an_incomplete_draft_is_never_handed_in(phone: Phone) -> None:
    """Whoever asks: the rule itself refuses."""
    phone.fill()
    registrations = phone.app.provider.registration.declarations
    draft = registrations.of_secret(phone.secret)
    with pytest.raises(Incomplete) as refusal:
        registrations.hand_in(draft, "vi")

    assert set(refusal.value.problems) == set(ROLES)


def test_an_incomplete_draft_sends_no_code(phone: Phone) -> None:
    phone.fill(email="not an address")
    answer = phone.post("/draft/code")

    assert refused(answer) == "incomplete"
    assert {"email", "portrait", "front", "back"} <= set((answer.json or {})["problems"])
    assert phone.app.told("email") == []


def test_no_other_origin_reads_it_and_no_cookie_is_set(phone: Phone) -> None:
    answer = phone.post("/draft", {}, Origin="https://evil.test")

    assert not [name for name, _ in answer.headers if name.lower().startswith(("access-control", "set-cookie"))]


def test_places_are_told_with_a_tag(phone: Phone) -> None:
    first = phone.get("/communes?province=79")
    again = phone.visitor.get(ROOT + "/communes?province=79", headers={"If-None-Match": first.headers["ETag"]})

    assert {"code": "25747", "name": "Phường Thủ Dầu Một"} in (first.json or [])
    assert (again.status_code, again.data) == (304, b"")
    assert len(phone.get("/provinces").json or []) == 34
    assert [one["code"] for one in phone.get("/agencies?region=079").json or []] == ["079", "07906"]
    assert refused(phone.get("/communes?province=%00")) == "bad_request"


def test_drafts_are_limited_by_network(app: App) -> None:
    phone = Phone(app)
    answers = [phone.post("", {"kind": "individual"}) for _ in range(app.settings.limits.attempts_per_address)]

    assert refused(answers[-1]) == "too_many"
    assert answers[-1].headers["Retry-After"]


def test_the_document_tells_every_operation(phone: Phone) -> None:
    told = phone.get("/openapi.json").json or {}

    assert sorted(told["paths"]) == sorted({operation.path for operation in OPERATIONS})
    assert "secret" not in json.dumps(told["paths"][f"{ROOT}/draft"]["post"])


def test_l10_an_app_satisfies_captcha_first(phone: Phone) -> None:
    """L-10: from the third code within an hour to one address on, the app gets a captcha to show, not a dead end."""
    phone.complete()
    asked = phone.post("/draft/code")
    while asked.status_code == 202:
        phone.visitor.app.clock.move(61)
        asked = phone.post("/draft/code")
    assert refused(asked) == "captcha_first"
    shown = asked.json or {}
    assert b64decode(shown["captcha_png"]).startswith(b"\x89PNG")
    assert b64decode(shown["captcha_wav"]).startswith(b"RIFF")

    wrong = phone.post("/draft/code", {"captcha_id": shown["captcha_id"], "captcha": "99999"})
    spent = phone.post("/draft/code", {"captcha_id": shown["captcha_id"], "captcha": CAPTCHA})
    again = wrong.json or {}
    sent = phone.post("/draft/code", {"captcha_id": again["captcha_id"], "captcha": CAPTCHA})

    assert (refused(wrong), refused(spent)) == ("captcha_first", "captcha_first")
    assert sent.status_code == 202, sent.text


def test_where_many_were_wrong_the_captcha_of_an_app_costs_work(phone: Phone) -> None:
    """Whoever is early hears when the same answer will do; whoever brings the solution is served at once."""
    phone.complete()
    for _ in range(160):
        phone.visitor.app.provider.login.challenges.work.count_wrong("192.0.2.0/24")
    asked = phone.post("/draft/code")
    while asked.status_code == 202:
        phone.visitor.app.clock.move(61)
        asked = phone.post("/draft/code")
    shown = asked.json or {}
    answer = {"captcha_id": shown["captcha_id"], "captcha": CAPTCHA}
    early = phone.post("/draft/code", answer)
    hostile = phone.post("/draft/code", answer | {"altcha": "WzFd"})
    solved = phone.post("/draft/code", answer | {"altcha": solve(json.dumps(shown["altcha"]))})

    assert [(refused(each), each.headers["Retry-After"]) for each in (early, hostile)] == [("work_first", "30")] * 2
    assert solved.status_code == 202, solved.text
