"""Test mode for outside suites: a fixed captcha, hooks, a protected resource, one person who is never slowed."""

from pathlib import Path

from tests.support import databases
from tests.support.app import App, attempt_of, running_app

PERSON = {
    "name": "Nguyễn Thị Thử",
    "address": "1 phố Thử, Hà Nội",
    "email": "thu@example.test",
    "email_verified": True,
    "phone": "0981234567",
    "phone_verified": True,
    "birth_date": "2301-02-03",
    "more_claims": {
        "family_name": "Nguyễn",
        "given_name": "Thử",
        "middle_name": "Thị",
        "nickname": "Thử",
        "preferred_username": "thu",
        "profile": "https://example.test/thu",
        "picture": "https://example.test/thu.png",
        "website": "https://example.test/",
        "gender": "female",
        "zoneinfo": "Asia/Ho_Chi_Minh",
        "locale": "vi-VN",
    },
}
STANDARD = {
    "sub": str, "name": str, "given_name": str, "family_name": str, "middle_name": str, "nickname": str,
    "preferred_username": str, "profile": str, "picture": str, "website": str, "email": str,
    "email_verified": bool, "gender": str, "birthdate": str, "zoneinfo": str, "locale": str,
    "phone_number": str, "phone_number_verified": bool, "address": dict, "updated_at": int,
}  # fmt: skip


def test_the_person_has_every_standard_claim_with_its_json_type(app: App) -> None:
    """OIDC Core 5.1"""
    app.person("0000000042", **PERSON)
    visitor = app.visitor()
    tokens = visitor.tokens("0000000042", scope="openid profile email phone address offline_access")
    claims = visitor.userinfo(tokens["access_token"]).json

    assert {name: type(value) for name, value in claims.items()} == STANDARD


def test_the_named_person_is_exempt_from_throttling(sqlite_template: Path, tmp_path: Path) -> None:
    url = databases.sqlite_copy(sqlite_template, tmp_path)
    with running_app(tmp_path, url) as app:
        app.person("0000000042", **PERSON)
    with running_app(tmp_path, url, testing={"person": "0000000042"}) as app:
        app.client()
        app.person("0000000043")
        visitor = app.visitor()

        def statuses(code: str) -> set[int]:
            return {
                visitor.try_to_log_in(attempt_of(visitor.authorize()), code, "wrong guess").status_code
                for _ in range(10)
            }

        assert statuses("0000000042") == {200}
        assert 429 in statuses("0000000043")


def test_the_hooks_rotate_keys_and_forget_clients(app: App) -> None:
    visitor = app.visitor()
    before = {key["kid"] for key in visitor.get("/jwks").json["keys"]}
    app.clock.move(1)

    assert visitor.get("/testing/rotate-keys").status_code == 405
    assert visitor.post("/testing/rotate-keys").json == {"done": True}
    app.clock.move(3)
    after = {key["kid"] for key in visitor.get("/jwks").json["keys"]}
    assert before < after
    app.base.clients.remove("portal", app.clock())
    assert visitor.post("/testing/forget").status_code == 200
    assert visitor.authorize().status_code == 400


def test_the_resource_answers_a_good_token_with_json_and_date(app: App) -> None:
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]
    answer = visitor.get("/testing/resource", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Date"]
    assert visitor.get("/testing/resource").status_code == 401
    assert visitor.get("/testing/resource", query_string={"access_token": token}).status_code == 400


def test_it_is_loud_in_page_and_readiness(app: App) -> None:
    visitor = app.visitor()

    assert b'"testing":true' in app.operation().answer("/readyz")[2]
    assert "HỆ THỐNG THỬ NGHIỆM" in visitor.get(visitor.authorize().headers["Location"]).text


def test_without_it_nothing_of_it_is_there(sqlite_template: Path, tmp_path: Path) -> None:
    url = databases.sqlite_copy(sqlite_template, tmp_path)
    with running_app(tmp_path, url, testing={"enabled": False, "fixed_captcha": None}) as app:
        app.client()
        visitor = app.visitor()

        for path in ("/testing/rotate-keys", "/testing/forget", "/testing/resource"):
            assert visitor.post(path).status_code == 404
        assert b"testing" not in app.operation().answer("/readyz")[2]
        assert visitor.get("/jwks").status_code == 200
