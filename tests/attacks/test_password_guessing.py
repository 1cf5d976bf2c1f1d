"""Guessing is slowed for whoever guesses, and nobody can lock the owner out (security 0.8, 0.9, 2.13, 2.16)."""

import pytest

from tests.support.app import PASSWORD, App, Visitor, attempt_of

ATTACKER, VICTIM = "203.0.113.66", "192.0.2.7"


def fail(visitor: Visitor, code: str = "0000000001", times: int = 1) -> list[int]:
    """Log in wrongly, each time on a fresh attempt; the status codes."""
    return [
        visitor.try_to_log_in(attempt_of(visitor.authorize(prompt="login")), code, "wrong guess").status_code
        for _ in range(times)
    ]


def remembered(app: App) -> Visitor:
    """The victim's browser, known to the account."""
    visitor = app.visitor(VICTIM)
    visitor.log_in(visitor.authorize(), remember="1")
    return visitor


def test_after_three_failures_the_same_network_has_to_wait(everywhere: App) -> None:
    """P-04"""
    attacker = everywhere.visitor(ATTACKER)

    assert fail(attacker, times=4) == [200, 200, 200, 429]
    everywhere.clock.move(30)
    assert fail(attacker, times=2) == [200, 429]
    everywhere.clock.move(60)
    assert fail(attacker) == [200]


def test_waiting_is_said_with_its_length(app: App) -> None:
    attacker = app.visitor(ATTACKER)
    fail(attacker, times=3)
    answer = attacker.try_to_log_in(attempt_of(attacker.authorize()), "0000000001", PASSWORD)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert "30" in answer.text
    assert PASSWORD not in answer.text


def test_the_owner_on_a_known_device_is_never_hindered(app: App) -> None:
    """N-09, W-06: whatever anybody else does to the account."""
    victim = remembered(app)
    for number in range(60):
        fail(app.visitor(f"203.0.{number}.66"), times=4)

    answer = victim.log_in(victim.authorize(prompt="login"))

    assert "code=" in answer.headers["Location"]


def test_the_owner_on_a_new_device_elsewhere_gets_in(app: App) -> None:
    """N-09: the delay follows the attacker."""
    fail(app.visitor(ATTACKER), times=30)

    victim = app.visitor("198.51.100.20")
    assert "code=" in victim.log_in(victim.authorize()).headers["Location"]


def test_the_known_device_lane_has_its_own_limit(app: App) -> None:
    """A stolen known-device cookie is no way around the wait."""
    thief = remembered(app)

    assert fail(thief, times=4) == [200, 200, 200, 429]


def test_failures_count_per_account_across_its_identifiers(app: App) -> None:
    """S-01, security 0.9: another name of the same account is no fresh start."""
    app.person(identifiers={"bhxh": "0000000077", "cccd": "000877000077"})
    attacker = app.visitor(ATTACKER)

    assert fail(attacker, "0000000077", 2) == [200, 200]
    assert fail(attacker, "000877000077", 2) == [200, 429]
    assert fail(attacker, " 00000-00077 ", 1) == [429]


def test_twenty_guesses_an_hour_from_one_network_reach_the_hash(app: App) -> None:
    """Threat 4.1, spraying: one password over many codes, known and unknown alike."""
    attacker = app.visitor(ATTACKER)
    for number in range(10):
        app.person(f"00{number + 500:08d}")
    answers = [fail(attacker, f"00{number + 500:08d}")[0] for number in range(25)]

    assert answers == [200] * 20 + [429] * 5
    app.clock.move(3600)
    assert fail(attacker, "0000000999") == [200]


def test_spraying_from_elsewhere_in_the_same_network_is_the_same_attacker(app: App) -> None:
    for number in range(20):
        fail(app.visitor(f"203.0.113.{number + 1}"), f"00{number + 600:08d}")

    assert fail(app.visitor("203.0.113.200"), "0000000900") == [429]


def test_success_clears_the_count(app: App) -> None:
    """P-04: consecutive failures."""
    visitor = app.visitor()
    for _ in range(3):
        assert fail(visitor, times=2) == [200, 200]
        visitor.log_in(visitor.authorize(prompt="login"))


def test_a_solved_captcha_buys_no_extra_guess(app: App) -> None:
    """X-02, S-06: the limits carry the load, not the captcha."""
    attacker = app.visitor(ATTACKER)

    assert fail(attacker, times=10).count(200) == 3


@pytest.mark.parametrize("status", ["active", "disabled"])
def test_that_an_account_is_closed_is_said_only_after_the_right_password(app: App, status: str) -> None:
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    app.base.people.set_status(account.id, "disabled", app.clock())  # type: ignore[union-attr,arg-type]
    visitor = app.visitor()

    wrong = visitor.try_to_log_in(attempt_of(visitor.authorize()), "0000000001", "wrong guess")
    right = visitor.try_to_log_in(attempt_of(visitor.authorize()), "0000000001", PASSWORD)

    assert "Sai tên đăng nhập hoặc mật khẩu" in wrong.text
    assert (right.status_code, "không thể đăng nhập" in right.text) == (403, True)


def test_unknown_and_known_accounts_read_the_same(app: App) -> None:
    """N-10: one sentence, one status, one count."""
    import re

    def page(code: str) -> tuple[int, str]:
        visitor = app.visitor(ATTACKER)
        answer = visitor.try_to_log_in(attempt_of(visitor.authorize()), code, "wrong guess")
        masked = re.sub(r"[ac]_[A-Za-z0-9_-]{43}", "HANDLE", answer.text.replace(code, "CODE"))
        return answer.status_code, masked

    assert page("0000000001") == page("0099999999")


def test_unknown_accounts_are_slowed_like_known_ones(app: App) -> None:
    """N-10: the wait tells nothing."""
    known, unknown = app.visitor("203.0.113.1"), app.visitor("198.51.100.1")

    assert fail(known, "0000000001", 5) == fail(unknown, "0099999999", 5)


def test_a_company_code_does_not_open_a_person_and_the_other_way_round(app: App) -> None:
    """Ten digits may be a BHXH code or a tax code: the tab decides."""
    app.person(kind="organisation", identifiers={"tax": "0312345673", "unit": "TA0001A"})
    app.person("0312345674")
    visitor = app.visitor()

    def opens(code: str, kind: str) -> bool:
        attempt = attempt_of(visitor.authorize(prompt="login"))
        return visitor.try_to_log_in(attempt, code, PASSWORD, kind=kind).status_code == 303

    assert opens("0312345673", "organisation")
    assert opens("ta0001a", "organisation")
    assert opens("0312345674", "individual")
    assert not opens("0312345673", "individual")
    assert not opens("0312345674", "organisation")


def test_local_login_can_be_switched_off_by_date_for_one_audience(app: App) -> None:
    """Law L1: a dated switch per audience needs no release."""
    from dataclasses import replace

    from idp.login.logins import Window

    logins = app.provider.logins
    logins._rules = replace(logins._rules, windows={"individual": Window(closes_at=app.clock() + 60)})
    visitor = app.visitor()
    assert visitor.try_to_log_in(attempt_of(visitor.authorize()), "0000000001", PASSWORD).status_code == 303
    app.clock.move(60)
    attempt = attempt_of(visitor.authorize(prompt="login"))

    assert visitor.try_to_log_in(attempt, "0000000001", PASSWORD).status_code == 403


class TestPasswords:
    """P-01, P-03: what a password may be, and how it is kept."""

    @pytest.mark.parametrize(
        "password",
        ["a" * 64, "a" * 256, "có dấu cách và ươ", "日本語のパスワード!", "emoji 🙂🙂🙂🙂", " leading and trailing "],
    )
    def test_every_printable_password_up_to_256_characters_works(self, app: App, password: str) -> None:
        app.person("0000000050", password)
        visitor = app.visitor()

        assert "code=" in visitor.log_in(visitor.authorize(), "0000000050", password).headers["Location"]

    def test_nothing_is_truncated(self, app: App) -> None:
        app.person("0000000050", "a" * 200)
        visitor = app.visitor()
        begun = visitor.authorize()

        assert visitor.try_to_log_in(attempt_of(begun), "0000000050", "a" * 199).status_code == 200

    def test_composed_and_decomposed_letters_are_the_same_password(self, app: App) -> None:
        import unicodedata

        app.person("0000000050", unicodedata.normalize("NFC", "mật khẩu Việt"))
        visitor = app.visitor()
        typed = unicodedata.normalize("NFD", "mật khẩu Việt")

        assert "code=" in visitor.log_in(visitor.authorize(), "0000000050", typed).headers["Location"]

    @pytest.mark.parametrize("password", ["1234567", "ngắn", "a" * 257, "tab\tulator", "nul\0nul--"])
    def test_short_overlong_and_control_characters_are_refused_when_set(self, app: App, password: str) -> None:
        from config.people_file import BadPerson

        with pytest.raises(BadPerson):
            app.person("0000000050", password)

    def test_the_hash_is_argon2id_with_salt_and_pepper(self, app: App) -> None:
        """P-03: without the pepper, which is not in the table, the right password does not verify."""
        from argon2 import PasswordHasher
        from argon2.exceptions import VerifyMismatchError

        stored = app.base.people.find_by_identifier("bhxh", "0000000001").password_hash or ""  # type: ignore[union-attr]

        assert stored.startswith("$argon2id$")
        with pytest.raises(VerifyMismatchError):
            PasswordHasher().verify(stored, PASSWORD)

    def test_a_hash_with_old_parameters_is_renewed_at_the_next_login(self, app: App) -> None:
        """P-03"""
        from idp.accounts.passwords import HashCost, Passwords

        account = app.base.people.find_by_identifier("bhxh", "0000000001")
        assert account
        dearer = Passwords(app.base.secrets.get("pepper"), HashCost(16, 2), workers=1, queue=1)
        app.base.people.set_password(account.id, dearer.hash(PASSWORD), app.clock())
        visitor = app.visitor()
        visitor.log_in(visitor.authorize())

        renewed = app.base.people.find(account.id)
        assert renewed
        assert "m=8,t=1" in (renewed.password_hash or "")

    def test_a_full_hash_queue_answers_503_with_retry_after(self, app: App) -> None:
        """Peers 9: admission control instead of everybody waiting."""
        passwords = app.provider.passwords
        for _ in range(passwords._most):
            passwords._places.acquire()
        visitor = app.visitor()
        answer = visitor.try_to_log_in(attempt_of(visitor.authorize()), "0000000001", PASSWORD)

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
