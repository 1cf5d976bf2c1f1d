"""An account that an attacker held before its owner came with a strong proof (M-1, T-01 to T-05)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from idp.accounts.account import Account
from idp.store import tables as t
from tests.support.app import PASSWORD, Visitor, answer_of
from tests.support.lied_to import CODE, LiedTo, lied_to, press

KEYS = ["password:", "passkey:a-passkey-of-the-thief", "link:a-link-of-the-thief", "phone:", "email:"]


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[LiedTo]:
    with lied_to(tmp_path, database_url) as running:
        plant(running)
        yield running


def plant(here: LiedTo) -> None:
    """What the attacker left: password, passkey, a link of their own, number and address, all proved by them."""
    account, now = account_of(here), here.app.clock()
    with here.app.base.database.transaction.begin() as connection:
        proved = {"email": "trom@example.com", "email_verified_at": now}
        connection.execute(update(t.account).where(t.account.c.id == account.id).values(proved))
        of_thief = {"holder_kind": "account", "holder": account.id, "credential_id": "x", "public_key": b"x"}
        named = {"name": "Máy lạ", "network": "192.0.2.0/24", "created_at": now, "aaguid": "", "backed_up": False}
        key = {"digest": "d" * 43, "id": "a-passkey-of-the-thief", "sign_count": 0}
        connection.execute(insert(t.passkey), of_thief | named | key)
        link = {"id": "a-link-of-the-thief", "account_id": account.id, "upstream": "oidc", "subject": "s" * 43}
        connection.execute(insert(t.link), link | {"how": "password", "evidence": "{}", "made_at": now})
    here.app.clock.move(1000)


def account_of(here: LiedTo) -> Account:
    found = here.app.base.people.find_by_identifier("bhxh", CODE)
    assert found
    return found


def confirmed(here: LiedTo) -> tuple[Visitor, TestResponse]:
    """The owner has linked by VNeID; the page that asks what stays."""
    visitor = here.app.visitor()
    page = visitor.get(here.via("vneid", visitor).headers["Location"])
    step = visitor.get(press(visitor, page, "link-confirm").headers["Location"])
    assert urlsplit(step.headers["Location"]).path == "/link/keep"
    return visitor, visitor.get(step.headers["Location"])


def answered(visitor: Visitor, page: TestResponse, *keep: str) -> TestResponse:
    """Tick these, go on, and what `/authorize` says then."""
    attempt = re.search(r'name="attempt" value="([^"]+)"', page.text)
    assert attempt
    done = visitor.post("/link/keep", data=dict.fromkeys(keep, "1") | {"attempt": attempt[1], "keep-done": "1"})
    return visitor.get(done.headers["Location"]) if done.status_code == 303 else done


def boxes(page: TestResponse, more: str = "") -> list[str]:
    """The boxes of the page."""
    return re.findall(f'type="checkbox" name="([^"]+)" value="1"{more}', page.text)


def live(here: LiedTo, table: str) -> set[str]:
    """What has not ended of passkeys or links."""
    column = getattr(t, table).c
    with here.app.base.database.autocommit.connect() as connection:
        return set(connection.execute(select(column.id).where(column.ended_at.is_(None))).scalars())


def test_m1_the_owner_is_asked_what_stays_and_nothing_is_ticked(here: LiedTo) -> None:
    """T-03: in words, masked, with its date."""
    _, page = confirmed(here)

    assert boxes(page) == KEYS
    assert "checked" not in page.text
    assert "Máy lạ" in page.text
    assert "trom@example.com" not in page.text
    assert "0912000067" not in page.text


def test_m1_what_the_owner_does_not_keep_ends_and_the_login_lives_on(here: LiedTo) -> None:
    """T-02, T-03"""
    thief = here.app.visitor("203.0.113.9")
    visitor, page = confirmed(here)
    assert "code" in answer_of(thief.log_in(thief.authorize(), CODE))
    mine = live(here, "link") - {"a-link-of-the-thief"}

    done = answered(visitor, page)

    assert "code" in answer_of(done)
    assert "code" in answer_of(visitor.authorize())
    assert urlsplit(thief.authorize().headers["Location"]).path == "/login"
    assert thief.log_in(thief.authorize(), CODE).status_code == 200
    account = account_of(here)
    assert (account.password_hash, account.phone, account.email) == (None, None, None)
    assert live(here, "passkey") == set()
    assert live(here, "link") == mine


def test_m1_what_the_owner_keeps_stays(here: LiedTo) -> None:
    visitor, page = confirmed(here)
    before = account_of(here)

    assert "code" in answer_of(answered(visitor, page, *KEYS))

    assert replace(account_of(here), secured_at=0.0, updated_at=0.0, vouched_at=None) == replace(
        before, secured_at=0.0, updated_at=0.0, vouched_at=None
    )
    assert live(here, "passkey") == {"a-passkey-of-the-thief"}
    assert len(live(here, "link")) == 2


def test_m1_the_question_waits_until_it_is_answered(here: LiedTo) -> None:
    """Closing the page leaves the question to the next login, and no login goes past it."""
    confirmed(here)
    visitor = here.app.visitor()

    step = visitor.get(here.via("vneid", visitor).headers["Location"])
    assert urlsplit(step.headers["Location"]).path == "/link/keep"
    assert "code" in answer_of(answered(visitor, visitor.get(step.headers["Location"])))

    again = here.app.visitor()
    assert "code" in answer_of(again.get(here.via("vneid", again).headers["Location"]))


def test_m1_the_question_is_answered_once_and_in_its_own_browser_only(here: LiedTo) -> None:
    visitor, page = confirmed(here)

    assert answered(here.app.visitor(), page).status_code == 403
    assert account_of(here).password_hash
    answered(visitor, page, *KEYS)
    assert answered(visitor, page).status_code == 400
    assert account_of(here).password_hash


def test_m1_what_this_login_went_by_is_ticked(here: LiedTo) -> None:
    """Whoever had to log in by the password to link has just used it."""
    here.lie(userinfo=lambda profile: profile | {"IAL": "2", "SoDienThoai": "0912999999"})
    with here.app.base.database.transaction.begin() as connection:
        connection.execute(update(t.account).values(birth_date="1990"))
    visitor = here.app.visitor()
    page = visitor.get(here.via("dvcqg", visitor).headers["Location"])
    pressed = press(visitor, page, "link-password")
    with here.app.base.database.transaction.begin() as connection:
        connection.execute(update(t.account).values(birth_date="1990-05-17"))
    step = visitor.log_in(pressed, CODE, PASSWORD)
    step = visitor.get(press(visitor, visitor.get(step.headers["Location"]), "link-make").headers["Location"])

    asked = visitor.get(step.headers["Location"])

    assert boxes(asked, " checked") == ["password:"]


def test_m1_the_undo_of_a_strong_link_says_what_vouches_for_it(here: LiedTo) -> None:
    """A channel older than the proof cannot end it; `idp.accounts.trust` reads this."""
    confirmed(here)
    link = next(m.facts["undo_url"] for m in here.app.told("sms") if m.facts.get("event") == "link_added")

    undo = here.app.provider.accounts.credentials.undo_of(link.rpartition("/")[2])

    assert undo
    assert undo.before["vouched_by"] == "eid"


def test_m1_a_weak_link_asks_nothing(here: LiedTo) -> None:
    """Level 1 there names nobody: the password that the person logged in by is all there is."""
    here.lie(userinfo=lambda profile: profile | {"accountLevel": "1"})
    visitor = here.app.visitor()
    page = visitor.get(here.via("vneid", visitor).headers["Location"])
    step = visitor.log_in(press(visitor, page, "link-password"), CODE, PASSWORD)

    done = visitor.get(press(visitor, visitor.get(step.headers["Location"]), "link-make").headers["Location"])

    assert "code" in answer_of(done)
