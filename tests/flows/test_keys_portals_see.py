"""What portals and our own endpoints see when keys change: nothing breaks, and what is revoked is dead at once."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text

from config.container import Container
from config.housekeeping import Housekeeping
from config.stores import Stores
from keys.changes import Plan
from keys.sealing import MasterKeys
from tests.support import databases
from tests.support.app import App, Visitor, running_app
from tests.support.clock import FrozenClock

DAY = 86_400.0


def kid_of(token: str) -> str:
    from joserfc.util import urlsafe_b64decode

    return str(json.loads(urlsafe_b64decode(token.split(".")[0].encode()))["kid"])


def verifies(token: str, jwks: Mapping[str, Any]) -> None:
    jwt.decode(token, KeySet.import_key_set(jwks), algorithms=["RS256", "ES256", "PS256", "EdDSA"])  # type: ignore[arg-type]


def revoke(app: App, kid: str) -> None:
    app.base.rotator.change(lambda plan, ring: plan.revoked(ring, kid, force=False), "test")


def test_the_keys_are_cached_by_portals_as_long_as_the_settings_say(app: App) -> None:
    visitor = app.visitor()
    answer = visitor.get("/jwks")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = visitor.get("/jwks", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    for key in answer.json["keys"]:
        assert {"kid", "use", "alg", "kty"} <= set(key)
    app.base.rotator.rotate("test")
    app.clock.move(2)
    assert visitor.get("/jwks", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


def test_d_09_a_portal_with_an_old_copy_verifies_tokens_of_the_new_key(everywhere: App) -> None:
    visitor = everywhere.visitor()
    old_copy = visitor.get("/jwks").json
    before = visitor.tokens()
    assert everywhere.base.rotator.rotate("test").changes
    everywhere.clock.move(2)
    after = visitor.refresh(before["refresh_token"]).json
    for name in ("id_token", "access_token"):
        assert kid_of(before[name]) != kid_of(after[name])
        verifies(after[name], old_copy)
        verifies(before[name], visitor.get("/jwks").json)
    assert visitor.userinfo(before["access_token"]).status_code == 200


def test_f_34_a_revoked_key_is_dead_here_within_five_seconds_and_nobody_is_logged_out(everywhere: App) -> None:
    """A8"""
    visitor = everywhere.visitor()
    tokens = visitor.tokens()
    old_copy = visitor.get("/jwks").json
    revoke(everywhere, kid_of(tokens["access_token"]))
    everywhere.clock.move(5)
    assert kid_of(tokens["access_token"]) not in {key["kid"] for key in visitor.get("/jwks").json["keys"]}
    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.introspect(tokens["access_token"]) == {"active": False}
    fresh = visitor.refresh(tokens["refresh_token"]).json
    verifies(fresh["access_token"], old_copy)
    assert visitor.userinfo(fresh["access_token"]).status_code == 200
    assert "code" in visitor.authorize(prompt="none").headers["Location"]


def test_a_revoked_key_opens_no_logout_either(app: App) -> None:
    visitor = app.visitor()
    tokens = visitor.tokens()
    revoke(app, kid_of(tokens["id_token"]))
    app.clock.move(5)
    asked = visitor.get("/end_session", query_string={"id_token_hint": tokens["id_token"]})
    assert "/logged-out" not in asked.headers.get("Location", "")


def test_an_id_token_of_a_retired_key_still_says_whose_logout_it_is(app: App) -> None:
    """The public part stays, unpublished."""
    visitor = app.visitor()
    hint = visitor.tokens()["id_token"]
    app.base.rotator.rotate("test")
    app.clock.move(700)
    assert kid_of(hint) not in {key["kid"] for key in visitor.get("/jwks").json["keys"]}
    assert app.provider.oidc.tokens.read_hint(hint)["aud"] == "portal"


def test_d_07_subjects_and_passwords_outlive_rotation_and_another_master_key(
    app_template: Path, tmp_path: Path
) -> None:
    """Deliver 4: the master key only seals."""
    from idp.store import sealed_records as care
    from keys import masters

    (tmp_path / "master.key").touch(0o600)
    (tmp_path / "master.key").write_bytes((app_template / "master.key").read_bytes())
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)

    def log_in() -> tuple[str, str]:
        with running_app(tmp_path, url) as app:
            tokens = app.visitor().tokens()
            if len(app.base.masters.keys) == 1:
                app.base.rotator.rotate("test")
            else:
                care.reseal(app.base.database, app.base.masters)
            return jwt_claims(tokens["id_token"])["sub"], kid_of(tokens["id_token"])

    first, first_kid = log_in()
    new = masters.from_file(tmp_path / "new.key", create=True)
    with (tmp_path / "master.key").open("a") as file:
        file.write((tmp_path / "new.key").read_text())
    second, second_kid = log_in()
    (tmp_path / "master.key").write_text((tmp_path / "new.key").read_text())
    with running_app(tmp_path, url) as app:
        assert app.base.masters == MasterKeys(new.keys)
        third = jwt_claims(app.visitor().tokens()["id_token"])["sub"]
    assert first == second == third
    assert first_kid != second_kid


def jwt_claims(token: str) -> dict[str, Any]:
    from joserfc.util import urlsafe_b64decode

    claims: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[1].encode()))
    return claims


def test_f_17_a_running_process_keeps_its_last_good_ring_and_alarms(app: App, caplog: pytest.LogCaptureFixture) -> None:
    visitor = app.visitor()
    tokens = visitor.tokens()
    with app.base.database.transaction.begin() as connection:
        connection.execute(text("UPDATE signing_key SET signs_from = 1"))
        connection.execute(text("UPDATE key_ring_version SET version = version + 1"))
    app.clock.move(3)
    with caplog.at_level(logging.ERROR, "keys.cache"):
        assert visitor.userinfo(tokens["access_token"]).status_code == 200
    assert visitor.tokens()
    assert "ALARM: cannot reload the key ring, keeping version" in caplog.text
    assert "idp_key_ring_failing 1.0" in app.metrics_page()
    assert app.operation().answer("/readyz")[0] == 200


def test_junk_names_of_keys_do_not_make_us_ask_the_store(app: App) -> None:
    """Deliver 5: at once on an unknown name, but at most once a second."""
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]
    seen: list[str] = []
    app.base.database.watch(lambda statement, _: seen.append(statement))
    for _ in range(50):
        header = jwt_header(token) | {"kid": "nobody"}
        assert visitor.userinfo(forged(header, token)).status_code == 401
    assert len([statement for statement in seen if "key_ring_version" in statement]) <= 1


def jwt_header(token: str) -> dict[str, Any]:
    from joserfc.util import urlsafe_b64decode

    header: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[0].encode()))
    return header


def forged(header: dict[str, Any], token: str) -> str:
    from joserfc.util import urlsafe_b64encode

    return ".".join((urlsafe_b64encode(json.dumps(header).encode()).decode(), *token.split(".")[1:]))


def test_a_token_of_a_key_that_this_worker_does_not_know_yet_is_good_at_once(everywhere: App) -> None:
    """Another worker rotated a moment ago and signed."""
    visitor = everywhere.visitor()
    before = visitor.tokens()
    everywhere.base.rotator.replace("ES256")
    ring = everywhere.base.rings.newest()
    fresh = visitor.refresh(before["refresh_token"]).json["access_token"]
    behind = running_twin(everywhere)
    assert ring.find(kid_of(fresh))
    assert behind.userinfo(fresh).status_code == 200


def running_twin(app: App) -> Visitor:
    """A second process on the same stores whose ring is from before the last change."""
    from config.app import create_app
    from idp.http.metrics import Metrics

    base = Stores(app.settings, app.clock)
    twin = Container(base)
    metrics = Metrics(shared=False)
    wsgi = create_app(twin, metrics, housekeeping=False)
    ring = base.rings.ring()
    newest = max(ring.keys, key=lambda key: key.signs_from or 0.0)
    base.rings._ring = type(ring)(tuple(k for k in ring.keys if k is not newest), ring.version - 1)
    return App(app.settings, app.clock, base, twin, wsgi, metrics).visitor()


def test_without_any_key_a_token_request_is_told_to_come_back(app: App) -> None:
    """Somebody deleted rows: no 500, and what was issued is good again when the keys are back."""
    visitor = app.visitor()
    tokens = visitor.tokens()
    with app.base.database.transaction.begin() as connection:
        connection.execute(text("CREATE TABLE aside AS SELECT * FROM signing_key WHERE alg = 'ES256'"))
        connection.execute(text("DELETE FROM signing_key WHERE alg = 'ES256'"))
        connection.execute(text("UPDATE key_ring_version SET version = version + 1"))
    app.clock.move(3)
    answer = visitor.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    with app.base.database.transaction.begin() as connection:
        connection.execute(text("INSERT INTO signing_key SELECT * FROM aside"))
        connection.execute(text("UPDATE key_ring_version SET version = version + 1"))
    app.clock.move(3)
    assert visitor.refresh(tokens["refresh_token"]).status_code == 200


# The calendar


def test_the_calendar_stands_on_a_page_and_as_json(app: App) -> None:
    visitor = app.visitor()
    revoke(app, app.base.rings.ring().signing_key("RS256", app.clock()).kid)
    app.clock.move(2)
    calendar = visitor.get("/keys.json").json
    assert calendar["jwks_max_age"] == 300
    assert {key["state"] for key in calendar["keys"]} == {"signs", "standby"}
    assert [key["alg"] for key in calendar["revoked"]] == ["RS256"]
    assert visitor.post("/keys.json").status_code == 405
    for language, words in (("vi", "Khoá ký và lịch thay khoá"), ("en", "Signing keys and when they change")):
        page = visitor.get("/keys", query_string={"lang": language}).text
        assert words in page
        for key in calendar["keys"] + calendar["revoked"]:
            assert key["kid"] in page
    assert "PRIVATE" not in page


def test_the_calendar_foresees_rotations_and_the_metrics_count_down(sqlite_template: Path, tmp_path: Path) -> None:
    url = databases.sqlite_copy(sqlite_template, tmp_path)
    with running_app(tmp_path, url, keys={"rotate_every": int(30 * DAY)}) as app:
        app.clock.move(10 * DAY)
        visitor = app.visitor()
        events = visitor.get("/keys.json").json["events"]
        assert len([event for event in events if event["what"] == "signs" and event["alg"] == "ES256"]) == 3
        assert all(event["foreseen"] for event in events)
        metrics = app.metrics_page()
        assert f"idp_key_next_change_days {20 - 60 / DAY}"[:28] in metrics
        assert "idp_key_ring_version 1.0" in metrics
        assert "idp_key_ring_failing 0.0" in metrics
        assert "Dự kiến" in visitor.get("/keys").text


def test_the_housekeeping_rotates_on_the_day_and_only_once(sqlite_template: Path, tmp_path: Path) -> None:
    """Deliver 7: `rotate_every`, with one winner among many."""
    url = databases.sqlite_copy(sqlite_template, tmp_path)
    with running_app(tmp_path, url, keys={"rotate_every": int(30 * DAY)}) as app:
        workers = [Housekeeping(app.base, lambda: None) for _ in range(4)]

        def rounds() -> int:
            for worker in workers:
                worker.once(sweeping=False)
            return app.base.rings.newest().version

        assert rounds() == 1
        app.clock.move(29 * DAY)
        assert rounds() == 1
        app.clock.move(DAY)
        assert rounds() == 2
        app.clock.move(DAY)
        assert rounds() == 2


def test_without_a_calendar_the_housekeeping_leaves_keys_alone(app: App, clock: FrozenClock) -> None:
    version = app.base.rings.newest().version
    app.clock.move(1000 * DAY)
    Housekeeping(app.base, lambda: None).once(sweeping=False)
    assert app.base.rings.newest().version == version
    assert app.base.rotator.preview(Plan.rotated).changes
