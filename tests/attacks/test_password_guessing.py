"""Guessing is slowed for whoever guesses, and nobody can lock the owner out (security 0.8, 0.9, 2.13, 2.16)."""

import re
from typing import Any

import pytest

from tests.support.app import PASSWORD, App, Visitor, attempt_of
from tests.support.hashing import no_room

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


def test_a_known_device_has_its_own_limit(app: App) -> None:
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


def sprayed(app: App, network: str = "203.0.113", accounts: int = 21) -> None:
    """So many different accounts fail in one network, from as many addresses."""
    for number in range(accounts):
        assert fail(app.visitor(f"{network}.{number + 1}"), f"00{number + 600:08d}") == [200]


def is_asked_for_a_code(answer: Any) -> bool:
    return "/login/code" in answer.headers.get("Location", "")


def test_f1_a_network_that_others_filled_refuses_nobody_but_asks_for_a_code(everywhere: App) -> None:
    """N-09, F-1: twenty wrong passwords for made-up codes closed a carrier's network for an hour."""
    everywhere.person("0000000077", phone="+84981234567")
    sprayed(everywhere)
    owner = everywhere.visitor("203.0.113.200")

    answer = owner.log_in(owner.authorize(), "0000000077")

    assert is_asked_for_a_code(answer)


def test_f1_other_networks_and_known_devices_notice_nothing(app: App) -> None:
    victim = remembered(app)
    sprayed(app)
    sprayed(app, ".".join(VICTIM.split(".")[:3]))

    assert "code=" in victim.log_in(victim.authorize(prompt="login")).headers["Location"]
    elsewhere = app.visitor("198.51.100.20")
    assert "code=" in elsewhere.log_in(elsewhere.authorize()).headers["Location"]


def test_f1_a_network_is_judged_by_different_accounts(app: App) -> None:
    """One person who mistypes from many places of a hall is no spraying."""
    app.person("0000000077", phone="+84981234567")
    for number in range(30):
        fail(app.visitor("203.0.113.9"), f"00{number % 15 + 600:08d}")
    owner = app.visitor("203.0.113.200")

    assert "code=" in owner.log_in(owner.authorize(), "0000000077").headers["Location"]


def test_f1_what_succeeds_in_a_network_speaks_for_it(app: App) -> None:
    """A hall of a hundred people: each tenth forgets the password, nobody is asked for more."""
    people = [f"00{number + 100:08d}" for number in range(100)]
    for number, code in enumerate(people):
        app.person(code, phone=f"+8498123{number:04d}")
    answers = []
    for number, code in enumerate(people):
        if number % 3 == 0:
            fail(app.visitor("203.0.113.1"), f"00{number + 700:08d}")
        owner = app.visitor("203.0.113.1")
        answers.append("code=" in owner.log_in(owner.authorize(), code).headers["Location"])

    assert all(answers)


def test_f1_one_account_cannot_speak_for_a_network_again_and_again(app: App) -> None:
    app.person("0000000077", phone="+84981234567")
    app.person("0000000078", phone="+84981234568")
    for number in range(25):
        fail(app.visitor(f"203.0.113.{number + 1}"), f"00{number + 600:08d}")
        accomplice = app.visitor("203.0.113.99")
        accomplice.log_in(accomplice.authorize(), "0000000078")
    owner = app.visitor("203.0.113.200")

    assert is_asked_for_a_code(owner.log_in(owner.authorize(), "0000000077"))


def test_f1_a_password_that_was_guessed_in_such_a_network_is_doubted_everywhere(everywhere: App) -> None:
    """Threat 4.1, spraying: who learned there that it is right does not walk in from a quiet network."""
    everywhere.person("0000000077", phone="+84981234567")
    sprayed(everywhere)
    thief = everywhere.visitor("203.0.113.66")
    assert is_asked_for_a_code(thief.log_in(thief.authorize(), "0000000077"))

    elsewhere = everywhere.visitor("198.51.100.66")
    assert is_asked_for_a_code(elsewhere.log_in(elsewhere.authorize(), "0000000077"))


def test_f1_spraying_over_many_networks_makes_each_suspicious_sooner(app: App) -> None:
    """N-08: while a thousand accounts fail all over, two that fail in a network are enough."""
    from dataclasses import replace

    from idp.login.limits import SHARDS

    limiter = app.provider.login.login_limiter
    limiter.limits = replace(limiter.limits, total_accounts=5 * SHARDS)
    app.person("0000000077", phone="+84981234567")
    owner = app.visitor("203.0.113.200")
    sprayed(app, accounts=3)
    assert "code=" in owner.log_in(owner.authorize(), "0000000077").headers["Location"]
    for number in range(200):
        fail(app.visitor(f"198.51.{number}.1"), f"00{number + 2000:08d}")

    for number in range(3):
        fail(app.visitor(f"203.0.113.{number + 1}"), f"00{number + 900:08d}")
    assert is_asked_for_a_code(owner.log_in(owner.authorize(prompt="login"), "0000000077"))


def test_f7_right_passwords_of_one_account_have_a_rate_too(app: App) -> None:
    """Each costs 25 ms of a core."""
    from dataclasses import replace

    from idp.limits.durable import LimitPolicy

    limiter = app.provider.login.login_limiter
    few = LimitPolicy(free=5, base=30, cap=30, memory=86_400, sliding=False)
    limiter.limits = replace(limiter.limits, successes=few)
    rich = app.visitor(ATTACKER)
    answers = [rich.log_in(rich.authorize(prompt="login")).status_code for _ in range(7)]

    assert answers[:5] == [303] * 5
    assert 429 in answers
    app.clock.move(30)
    assert rich.log_in(rich.authorize(prompt="login")).status_code == 303


def test_f7_wrong_passwords_use_up_none_of_the_right_ones(app: App) -> None:
    for number in range(60):
        fail(app.visitor(f"203.{number}.113.66"), times=4)

    victim = app.visitor(VICTIM)
    assert victim.log_in(victim.authorize()).status_code == 303


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

    logins = app.provider.login.logins
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
        from config.cli.people_file import BadPerson

        with pytest.raises(BadPerson):
            app.person("0000000050", password)

    def test_the_hash_is_argon2id_with_salt_and_pepper(self, app: App) -> None:
        """P-03: without the pepper, which is not in the table, the right password does not verify."""
        from argon2 import PasswordHasher
        from argon2.exceptions import VerifyMismatchError

        from idp.accounts.passwords import HashCost, Passwords

        stored = app.base.people.find_by_identifier("bhxh", "0000000001").password_hash or ""  # type: ignore[union-attr]

        assert stored.startswith("$argon2id$")
        with pytest.raises(VerifyMismatchError):
            PasswordHasher().verify(stored, PASSWORD)
        assert app.provider.accounts.passwords.verify(stored, PASSWORD)
        assert not Passwords(b"another", HashCost(8, 1), at_once=1, waiting=1).verify(stored, PASSWORD)

    def test_a_hash_with_old_parameters_is_renewed_at_the_next_login(self, app: App) -> None:
        """P-03: and a wrong password does not take its place on the way."""
        from idp.accounts.passwords import HashCost, Passwords

        account = app.base.people.find_by_identifier("bhxh", "0000000001")
        assert account
        dearer = Passwords(app.base.secrets.get("pepper"), HashCost(16, 2), at_once=1, waiting=1)
        app.base.people.set_password(account.id, dearer.hash(PASSWORD), app.clock())
        visitor = app.visitor()
        fail(app.visitor())
        assert "code=" in visitor.log_in(visitor.authorize()).headers["Location"]

        renewed = app.base.people.find(account.id)
        assert renewed
        assert "m=8,t=1" in (renewed.password_hash or "")

    def test_f7_a_full_hash_queue_spends_neither_captcha_nor_try(self, app: App) -> None:
        """The same picture and its answer still stand there, and count, when there is room again."""
        visitor = app.visitor()
        attempt = attempt_of(visitor.authorize())
        with no_room(app.provider.accounts.passwords):
            refused = visitor.try_to_log_in(attempt, "0000000001", PASSWORD)
        shown = re.findall(r'name="captcha_id" value="([^"]+)"|name="captcha"[^>]*value="([^"]+)"', refused.text)
        (captcha, _), (_, answer) = shown
        again = visitor.post(
            "/login",
            data={"attempt": attempt, "kind": "individual", "username": "0000000001", "password": PASSWORD}
            | {"captcha_id": captcha, "captcha": answer},
        )

        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert PASSWORD not in refused.text
        assert again.status_code == 303
