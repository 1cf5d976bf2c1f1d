"""Mistakes in how people come in: passwords, limits, captchas, codes, sessions, recovery and "this was not me"."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a closed account is let in by its password",
        "idp/login/logins.py",
        '        if not account.is_active:\n            self._failed(account, typed, "disabled")\n',
        "",
        ("attacks/test_password_guessing.py::test_that_an_account_is_closed_is_said_only_after_the_right_password",),
    ),
    Mutation(
        "a wrong password takes the place of one with old parameters",
        "idp/login/logins.py",
        "is_old = is_right and stored is not None and hasher.is_outdated(stored)",
        "is_old = stored is not None and hasher.is_outdated(stored)",
        (
            "attacks/test_password_guessing.py::TestPasswords::test_a_hash_with_old_parameters_is_renewed_at_the_next_login",
        ),
    ),
    Mutation(
        "passwords are hashed without the pepper",
        "idp/accounts/passwords.py",
        "return b64encode(hmac.digest(self._pepper, normal",
        'return b64encode(hmac.digest(b"", normal',
        ("attacks/test_password_guessing.py::TestPasswords::test_the_hash_is_argon2id_with_salt_and_pepper",),
    ),
    Mutation(
        "a count blocks one try too late",
        "idp/store/rate_limits.py",
        "until = case((over < 0, literal(NEVER, Double))",
        "until = case((over <= 0, literal(NEVER, Double))",
        ("contracts/test_rate_limits.py::test_the_first_tries_are_free_then_the_wait_doubles",),
    ),
    Mutation(
        "a network's failures are never counted",
        "idp/login/logins.py",
        "again = tried.others if judged.failed_before else []",
        "again = tried.others",
        ("attacks/test_password_guessing.py::test_f1_a_network_that_others_filled_refuses_nobody_but_asks_for_a_code",),
    ),
    Mutation(
        "a captcha opens twice",
        "idp/login/challenge.py",
        '        if not self._used.put(f"c:{digest(\'captcha\', handle)}", b"", expires_at=_end(made), now=now):\n'
        "            return False\n",
        "",
        ("attacks/test_captcha.py::test_a_solved_one_cannot_be_used_again",),
    ),
    Mutation(
        "a code has a sixth try",
        "idp/store/one_time.py",
        "_c.tries < most",
        "_c.tries <= most",
        ("contracts/test_one_time_codes.py::test_the_fifth_try_still_counts_and_the_sixth_does_not",),
    ),
    Mutation(
        "a code does not expire",
        "idp/store/one_time.py",
        "_c.tries < most, _c.good_until > now)",
        "_c.tries < most)",
        ("contracts/test_one_time_codes.py::test_a_code_lives_five_minutes",),
    ),
    Mutation(
        "a noted browser secret is enough after a login",
        "idp/login/attempt.py",
        'return self.is_begun_by(held) and self.second in ("", _second_of(held.second))',
        "return self.is_begun_by(held)",
        ("attacks/test_noted_browser.py::test_m2_the_noted_secret_opens_nothing_after_a_proof",),
    ),
    Mutation(
        "a session does not end when nobody uses it",
        "idp/login/sessions.py",
        "awake = now < until and now < self.last_seen_at + limits.idle",
        "awake = now < until or now < self.last_seen_at + limits.idle",
        ("flows/test_account_page.py::test_sessions_end_idle_and_absolutely",),
    ),
    Mutation(
        "a credential event leaves other sessions open",
        "idp/store/credentials.py",
        "        self._sessions.end_within(connection, event.account_id, sid=None, but=event.keep_sid, now=now)\n",
        "",
        ("flows/test_passwords_life.py::test_a_change_ends_every_other_session_device_and_family_at_once",),
    ),
    Mutation(
        "a number that nobody used for a year recovers",
        "idp/accounts/trust.py",
        '("sms", "unused"): frozenset(),',
        '("sms", "unused"): _CODES | {"recovery"},',
        ("attacks/test_who_speaks_for_a_person.py::test_h1_a_number_of_thirteen_months_ago_recovers_nothing",),
    ),
    Mutation(
        "an older notice overrules the desk",
        "idp/accounts/trust.py",
        "vouched_at is not None and vouched_at >= created_at",
        "vouched_at is not None and vouched_at < created_at",
        ("rules/accounts/test_trust.py::test_who_says_not_me_never_outranks_a_desk_or_a_strong_identity",),
    ),
)
