"""The person's own page: what is known, where they are logged in, what they agreed to, and how to end each of it."""

import re

from tests.support.app import PASSWORD, App, Visitor, answer_of, attempt_of


def signed_in(app: App, address: str = "192.0.2.7") -> Visitor:
    visitor = app.visitor(address)
    begun = visitor.get("/account")
    done = visitor.try_to_log_in(attempt_of(begun), "0000000001", PASSWORD)
    visitor.get(visitor.get(done.headers["Location"]).headers["Location"])
    return visitor


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_numbers_are_masked(everywhere: App) -> None:
    """Mission rule 3 and 4: enough to recognise, not enough to learn."""
    page = signed_in(everywhere).get("/account").text

    assert "******0001" in page
    assert "0000000001" not in page


def test_a_person_ends_another_session_and_its_tokens_die(everywhere: App) -> None:
    """C-05, ASVS 7.5.2"""
    other = everywhere.visitor("198.51.100.3")
    tokens = other.tokens()
    visitor = signed_in(everywhere)
    page = visitor.get("/account").text
    sids = set(re.findall(r'name="session" value="([^"]{22})"', page))
    mine = everywhere.provider.login.sessions.of_account(
        everywhere.base.people.find_by_identifier("bhxh", "0000000001").id
    )  # type: ignore[union-attr]
    theirs = next(s.sid for s in mine if s.network == "198.51.100.0/24")

    assert theirs in sids
    visitor.post("/account/end-session", data={"csrf": csrf(page), "session": theirs})

    assert answer_of(other.authorize(prompt="none"))["error"] == "login_required"
    assert other.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.get("/account").status_code == 200


def test_all_others_end_together(everywhere: App) -> None:
    others = [everywhere.visitor(f"198.51.{n}.3") for n in range(3)]
    for other in others:
        other.code()
    visitor = signed_in(everywhere)
    visitor.post("/account/end-session", data={"csrf": csrf(visitor.get("/account").text), "session": "others"})

    assert [answer_of(o.authorize(prompt="none")).get("error") for o in others] == ["login_required"] * 3
    assert visitor.get("/account").status_code == 200


def test_nobody_ends_a_session_of_somebody_else(app: App) -> None:
    app.person("0000000002")
    other = app.visitor("198.51.100.3")
    other.code("0000000002")
    account = app.base.people.find_by_identifier("bhxh", "0000000002")
    sid = app.provider.login.sessions.of_account(account.id)[0].sid  # type: ignore[union-attr]
    visitor = signed_in(app)
    visitor.post("/account/end-session", data={"csrf": csrf(visitor.get("/account").text), "session": sid})

    assert "code" in answer_of(other.authorize(prompt="none"))


def test_consent_is_asked_kept_listed_and_withdrawn(everywhere: App) -> None:
    """Law L4: one unticked box, evidence, withdrawal as easy as giving."""
    everywhere.client("shop", first_party=False, client_name="Cửa hàng thử")
    visitor = signed_in(everywhere)
    asked = visitor.authorize("shop", scope="openid profile")
    attempt = attempt_of(asked)

    assert visitor.post("/consent", data={"attempt": attempt, "consent-allow": ""}).status_code == 400
    agreed = visitor.post("/consent", data={"attempt": attempt, "agree": "1", "consent-allow": ""})
    assert "code" in answer_of(visitor.get(agreed.headers["Location"]))
    assert "code" in answer_of(visitor.authorize("shop", scope="openid", prompt="none"))
    assert answer_of(visitor.authorize("shop", scope="openid email", prompt="none"))["error"] == "consent_required"

    page = visitor.get("/account").text
    assert "Cửa hàng thử" in page
    visitor.post("/account/withdraw", data={"csrf": csrf(page), "client_id": "shop"})
    assert answer_of(visitor.authorize("shop", scope="openid", prompt="none"))["error"] == "consent_required"


def test_declining_goes_back_with_access_denied(app: App) -> None:
    app.client("shop", first_party=False)
    visitor = signed_in(app)
    attempt = attempt_of(visitor.authorize("shop"))

    answer = answer_of(visitor.post("/consent", data={"attempt": attempt, "consent-deny": ""}))
    assert (answer["error"], answer["state"]) == ("access_denied", "a state")


def test_a_logout_clears_what_the_site_kept_but_not_the_known_device(app: App) -> None:
    """S-05"""
    visitor = app.visitor()
    visitor.log_in(visitor.authorize(), remember="1")
    asked = visitor.get(visitor.get("/end_session").headers["Location"]).text
    done = visitor.post("/logout", data={"csrf": csrf(asked), "request": ""})

    assert done.headers["Clear-Site-Data"] == '"storage"'
    assert visitor.http.get_cookie("__Host-s", domain="id.example.test") is None
    assert visitor.http.get_cookie("__Host-d", domain="id.example.test")


def test_the_session_id_is_new_after_each_login(app: App) -> None:
    """P-12, 7.2.4, O-06: what the browser carried before is worthless after."""
    visitor = app.visitor()
    visitor.code()
    before = visitor.http.get_cookie("__Host-s", domain="id.example.test")
    visitor.log_in(visitor.authorize(prompt="login"))
    after = visitor.http.get_cookie("__Host-s", domain="id.example.test")
    assert before
    assert after

    thief = app.visitor()
    thief.http.set_cookie("__Host-s", before.value, domain="id.example.test")
    assert before.value != after.value
    assert answer_of(thief.authorize(prompt="none"))["error"] == "login_required"


def test_sessions_end_idle_and_absolutely(app: App) -> None:
    """P-12, AAL2: enforced by the server."""
    visitor = app.visitor()
    visitor.code()
    limits = app.settings.login
    for _ in range(limits.session_absolute // 1700):
        app.clock.move(1700)
        assert "code" in answer_of(visitor.authorize(prompt="none"))
    app.clock.move(1700)
    assert answer_of(visitor.authorize(prompt="none"))["error"] == "login_required"

    visitor.code()
    app.clock.move(limits.session_idle)
    assert answer_of(visitor.authorize(prompt="none"))["error"] == "login_required"


def test_another_person_in_the_same_browser_ends_the_first_ones_session(app: App) -> None:
    """D-10, domain 6.4: the next user of a shared computer is not signed in as the former."""
    app.person("0000000002")
    visitor = app.visitor()
    first = visitor.tokens()
    visitor.log_in(visitor.authorize(prompt="login"), "0000000002")

    assert visitor.userinfo(first["access_token"]).status_code == 401


def test_the_page_speaks_the_language_that_was_chosen(app: App) -> None:
    visitor = app.visitor()
    begun = visitor.authorize(ui_locales="en vi")

    assert "Log in" in visitor.get(begun.headers["Location"]).text
    assert "ĐĂNG NHẬP" in visitor.get("/login", query_string={"attempt": attempt_of(begun), "lang": "vi"}).text
    assert "ĐĂNG NHẬP" in visitor.get("/login", query_string={"attempt": attempt_of(begun)}).text
