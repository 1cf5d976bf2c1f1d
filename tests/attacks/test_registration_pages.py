"""Nobody learns from registering who has an account, opens another's draft, or ends another's declaration."""

import re
import shutil
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flows.test_passwords_life import citizen
from tests.support import databases
from tests.support.app import App, running_app
from tests.support.declarations import FIELDS, Registrant, drawn, hidden


@pytest.fixture
def nga(app: App) -> Registrant:
    return Registrant(app)


def bare(text: str) -> str:
    """A page without what is the visitor's own."""
    return re.sub(r'(value|href|src)="[^"]*"|[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}|\b[0-9a-f]{16}\b', "", text)


def test_known_unknown_pending_and_locked_codes_get_the_same_answers(app: App) -> None:
    """U-01: same status, same body."""
    from tests.support.app import attempt_of

    app.person("0000000801")
    app.person("0000000802")
    locked = app.visitor()
    attempt = attempt_of(locked.authorize())
    for _ in range(6):
        locked.try_to_log_in(attempt, "0000000802", "sai mật khẩu")
    Registrant(app).register(code="0000000803", paper_number="001190000803")
    seen = []
    for code in ("0000000800", "0000000801", "0000000802", "0000000803"):
        nga = Registrant(app, app.visitor(f"198.51.100.{code[-1]}"))
        nga.begin()
        email = f"a{code}@example.com"
        sent = nga.fill(code=code, paper_number=f"001190{code[-6:]}", email=email)
        proved = nga.prove()
        page = bare(nga.visitor.get("/register/done").text).replace(code, "").replace(code[-6:], "")
        seen.append((sent.status_code, sent.headers["Location"], proved.status_code, proved.headers["Location"], page))

    assert len({entry[:4] for entry in seen}) == 1
    assert len({re.sub(r"\d+", "", entry[4]) for entry in seen}) == 1


def test_every_wrong_pair_gets_one_answer(nga: Registrant) -> None:
    reference = nga.register()
    draft = Registrant(nga.app)
    draft.begin()
    draft.fill(email="x")
    unsent = nga.app.provider.registration.declarations.of_secret(
        draft.visitor.http.get_cookie("__Host-r", "id.example.test").value
    )  # type: ignore[union-attr]
    pairs = [
        (reference, "0981234568"),
        ("22222-22222", "0981234567"),
        ("x", "x"),
        (unsent.reference, "0981234567"),
        ("", ""),
    ]
    answers = [nga.look(*pair) for pair in pairs]

    assert {answer.status_code for answer in answers} == {200}
    assert len({bare(answer.text) for answer in answers}) == 1


def test_looks_are_limited_by_network(nga: Registrant) -> None:
    statuses = [nga.look("2222222222").status_code for _ in range(22)]

    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_forms_need_the_value_of_the_draft(nga: Registrant) -> None:
    nga.begin()
    other = Registrant(nga.app)
    stolen = hidden(other.begin())
    for csrf in ("", "x", stolen):
        assert nga.fill(csrf=csrf).status_code == 403
        assert nga.visitor.post("/register/forget", data={"csrf": csrf}).status_code == 403
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert nga.visitor.post("/register/form", data={"csrf": "x"}, headers=headers).status_code == 403
        assert nga.visitor.post("/register", data={"kind": "individual"}, headers=headers).status_code == 403


def test_a_picture_is_shown_to_its_draft_only(nga: Registrant) -> None:
    nga.begin()
    nga.fill(email="x")
    mine = nga.visitor.get("/register/photo/front")

    assert (mine.status_code, mine.mimetype, mine.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert nga.app.visitor().get("/register/photo/front").status_code == 404
    stranger = Registrant(nga.app)
    stranger.begin()
    assert stranger.visitor.get("/register/photo/front").status_code == 404
    assert nga.visitor.get("/register/photo/passport").status_code == 404
    nga.fill(pictures=())
    nga.prove()
    assert nga.visitor.get("/register/photo/front").status_code == 404


def test_a_stranger_cannot_cancel_or_correct(nga: Registrant) -> None:
    """T-01: reference and number alone do nothing; the code goes to the proved address."""
    reference = nga.register()
    nga.app.told("email")
    nga.app.clock.move(3600)
    thief = Registrant(nga.app)
    thief.visitor.get("/register/status")
    proof = thief.look(reference, cancel="1").headers["Location"]
    page = thief.visitor.get(proof)
    ticket = hidden(page, "ticket")
    for _ in range(7):
        thief.visitor.post("/register/proof", data={"ticket": ticket, "code": "000000", "code-submit": "1"})
    stored = nga.app.provider.stores.declarations.find_by_reference(reference.replace("-", ""))

    assert stored
    assert stored.state == "submitted"
    assert {m.to for m in nga.app.told("email")} == {"nga@example.com"}
    assert nga.visitor.get(proof).status_code == 403


def test_a_polyglot_and_a_lying_name_end_as_plain_pictures(nga: Registrant) -> None:
    nga.begin()
    nga.fill(email="x", pictures={"portrait": drawn() + b"<script>alert(1)</script>", "front": drawn(kind="PNG")})
    portrait = nga.visitor.get("/register/photo/portrait").data

    assert portrait.startswith(b"\xff\xd8")
    assert b"script" not in portrait


def test_pictures_are_sealed_in_the_database(nga: Registrant) -> None:
    from sqlalchemy import select

    from idp.store import tables as t

    nga.begin()
    nga.fill(email="x")
    head = nga.visitor.get("/register/photo/portrait").data[:18]
    assert head.startswith(b"\xff\xd8")
    with nga.app.base.database.autocommit.connect() as connection:
        sealed = [bytes(one) for one in connection.execute(select(t.photo.c.sealed)).scalars()]

    assert len(sealed) == 3
    assert not any(head in one or b64encode(head) in one or urlsafe_b64encode(head) in one for one in sealed)


def test_a_form_that_is_too_large_is_refused_by_its_announced_length(nga: Registrant) -> None:
    nga.begin()
    answer = nga.visitor.post(
        "/register/form", data=b"x", content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(41 * 1024 * 1024)},
    )  # fmt: skip

    assert answer.status_code == 413
    other = nga.visitor.post("/register", data=b"x" * 70_000, content_type="application/x-www-form-urlencoded")
    assert other.status_code == 413


def test_nonsense_in_a_multipart_form_is_a_small_4xx(nga: Registrant) -> None:
    nga.begin()
    for body in (b"", b"--x", b"--x\r\n\r\n", b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\0\r\n--x--'):
        answer = nga.visitor.post("/register/form", data=body, content_type="multipart/form-data; boundary=x")
        assert 400 <= answer.status_code < 500, (body, answer.text)
    many = (
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(200)) + b"--x--"
    )
    assert (
        nga.visitor.post("/register/form", data=many, content_type="multipart/form-data; boundary=x").status_code == 413
    )


def test_a_window_that_is_closed_says_so(app_template: Path, tmp_path: Path) -> None:
    """L1"""
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
    closed = {"individual": {"closes_at": datetime(2020, 1, 1, tzinfo=UTC)}}
    with running_app(tmp_path, url, registration=closed) as app:
        visitor = app.visitor()
        answer = visitor.post("/register", data={"kind": "individual", "request": "register"})

        assert "hiện không tiếp nhận đăng ký" in answer.text
        assert visitor.post("/register", data={"kind": "organisation", "request": "register"}).status_code == 303
        begun = visitor.post("/api/registrations", json={"kind": "individual"})
        assert (begun.json or {})["code"] == "closed"


def test_l2_the_owner_of_a_code_is_told_of_a_registration_with_it_once_a_day(everywhere: App) -> None:
    """V-075: on the channels that may be told, and the stranger sees what everybody sees."""
    app = everywhere
    citizen(app, FIELDS["code"], email="chu@example.com")
    stranger = Registrant(app, app.visitor("203.0.113.5"))
    stranger.register(paper_number="001190000555", email="la@example.com")
    told = [m for m in (*app.told("sms"), *app.told("email")) if m.template == "notice"]

    assert {(m.to, m.facts["event"], m.facts["undo_url"]) for m in told} == {
        ("+84981234567", "registration_asked", ""),
        ("chu@example.com", "registration_asked", ""),
    }
    app.clock.move(3600)
    Registrant(app, app.visitor("203.0.113.6")).register(paper_number="001190000556", email="la2@example.com")
    assert [m for m in (*app.told("sms"), *app.told("email")) if m.template == "notice"] == []
    app.clock.move(86_400)
    Registrant(app, app.visitor("203.0.113.7")).register(paper_number="001190000557", email="la3@example.com")
    assert len([m for m in (*app.told("sms"), *app.told("email")) if m.template == "notice"]) == 2


def test_l2_nobody_is_told_where_nobody_has_the_code(app: App) -> None:
    Registrant(app).register()

    assert [m for m in (*app.told("sms"), *app.told("email")) if m.template == "notice"] == []
