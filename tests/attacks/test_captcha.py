"""The captcha is a price: single use, bound to one attempt and one browser, short-lived, answer nowhere (2.21)."""

import re

from config.container import Container
from tests.support.app import CAPTCHA, PASSWORD, App, Visitor, attempt_of


def shown(visitor: Visitor, attempt: str) -> str:
    page = visitor.get("/login", query_string={"attempt": attempt}).text
    found = re.search(r"c_[A-Za-z0-9_-]{43}", page)
    assert found
    return found[0]


def post(visitor: Visitor, attempt: str, captcha_id: str, typed: str = CAPTCHA) -> int:
    fields = {"username": "0000000001", "password": PASSWORD, "kind": "individual"}
    return visitor.post(
        "/login", data=fields | {"attempt": attempt, "captcha_id": captcha_id, "captcha": typed}
    ).status_code


def test_a_wrong_answer_keeps_the_code_empties_the_password_and_shows_another(app: App) -> None:
    """X-01"""
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    first = shown(visitor, attempt)
    fields = {"attempt": attempt, "kind": "individual", "username": "0000000001", "password": PASSWORD}
    answer = visitor.post("/login", data=fields | {"captcha_id": first, "captcha": "wrong"})

    assert "Mã kiểm tra không đúng" in answer.text
    assert "0000000001" in answer.text
    assert PASSWORD not in answer.text
    assert first not in answer.text
    assert post(visitor, attempt, first) == 200, "the first challenge is spent"


def test_a_solved_one_cannot_be_used_again(everywhere: App) -> None:
    """X-01"""
    visitor = everywhere.visitor()
    attempt = attempt_of(visitor.authorize())
    challenge = shown(visitor, attempt)
    wrong = {"username": "0000000001", "password": "wrong guess", "kind": "individual"}
    visitor.post("/login", data=wrong | {"attempt": attempt, "captcha_id": challenge, "captcha": CAPTCHA})

    assert post(visitor, attempt, challenge) == 200


def test_it_is_bound_to_its_attempt(app: App) -> None:
    """X-01"""
    visitor = app.visitor()
    one, other = attempt_of(visitor.authorize()), attempt_of(visitor.authorize())

    assert post(visitor, other, shown(visitor, one)) == 200


def test_a_valid_one_lets_nobody_try_in_an_attempt_of_another_browser_or_a_finished_one(everywhere: App) -> None:
    """The attempt is read together with the captcha, and judged before a try is counted or a password hashed."""
    visitor, other = everywhere.visitor(), everywhere.visitor()
    attempt = attempt_of(visitor.authorize())
    challenges = [shown(visitor, attempt) for _ in range(2)]
    other.authorize()
    asked: list[str] = []
    everywhere.base.database.watch(lambda text, _seconds: asked.append(text))

    assert post(other, attempt, challenges[0]) == 403
    visitor.post("/login", data={"attempt": attempt, "login-cancel": ""})
    assert post(visitor, attempt, challenges[1]) == 400
    assert asked
    assert not [text for text in asked if "throttle" in text]


def test_it_is_shown_only_to_its_browser(app: App) -> None:
    """X-01"""
    visitor, other = app.visitor(), app.visitor()
    challenge = shown(visitor, attempt_of(visitor.authorize()))
    other.authorize()

    assert visitor.get(f"/login/captcha/{challenge}.png").mimetype == "image/png"
    assert visitor.get(f"/login/captcha/{challenge}.wav").mimetype == "audio/wav"
    assert other.get(f"/login/captcha/{challenge}.png").status_code == 404


def test_a_handle_that_was_changed_or_made_up_is_none(app: App) -> None:
    """X-01: when it ends, whose it is and its answer hang together."""
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    challenge = shown(visitor, attempt)

    for place in range(2, len(challenge)):
        other = challenge[:place] + ("A" if challenge[place] != "A" else "B") + challenge[place + 1 :]
        assert not app.provider.login.challenges.is_right(other, CAPTCHA, attempt)
    assert post(visitor, attempt, challenge) == 303


def test_answers_differ_and_are_the_same_in_every_process(app: App) -> None:
    """X-01"""

    one, other = (Container(app.base).login.challenges for _ in range(2))
    one.fixed = other.fixed = None
    handles = [one.new(f"attempt {number}", "browser") for number in range(20)]

    answers = [one.answer_for(handle, "browser") or "" for handle in handles]

    assert [other.answer_for(handle, "browser") for handle in handles] == answers
    assert len(set(answers)) == 20
    assert all(len(answer) == app.settings.login.captcha_length for answer in answers)
    assert other.is_right(handles[0], answers[0], "attempt 0")
    assert not one.is_right(handles[0], answers[0], "attempt 0"), "used, in whichever process"


def test_it_lives_three_minutes(everywhere: App) -> None:
    """X-01"""
    visitor = everywhere.visitor()
    attempt = attempt_of(visitor.authorize())
    challenge = shown(visitor, attempt)
    everywhere.clock.move(180)

    assert post(visitor, attempt, challenge) == 200


def test_without_a_captcha_no_password_is_compared(app: App) -> None:
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())

    assert post(visitor, attempt, "") == 200
    assert post(visitor, attempt, "c_" + "a" * 43) == 200


def test_the_answer_is_nowhere_but_in_the_picture_and_the_sound(app: App) -> None:
    """X-01: not in page, cookie, alternative text or file name."""
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    app.provider.login.challenges.fixed = "HKLMP"
    page = visitor.get("/login", query_string={"attempt": attempt})
    challenge = re.search(r"c_[A-Za-z0-9_-]{43}", page.text)[0]  # type: ignore[index]
    sound = visitor.get(f"/login/captcha/{challenge}.wav")

    assert "HKLMP" not in page.text + str(page.headers) + str(sound.headers)


def test_after_failures_mode_shows_it_from_the_third_failure(app: App) -> None:
    """Settings: captcha = after_failures."""
    from dataclasses import replace

    app.provider.login.logins._rules = replace(app.provider.login.logins._rules, captcha="after_failures")
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    pages = [visitor.try_to_log_in(attempt, "0000000001", "wrong guess") for _ in range(3)]

    assert ["captcha_id" in page.text for page in pages] == [False, False, True]
