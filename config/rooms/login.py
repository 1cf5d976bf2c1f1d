"""Authentication: attempts, captchas, logins, sessions."""

from functools import cached_property

from config.rooms.accounts import AccountsRoom
from config.rooms.room import Room, window
from config.stores import Stores
from idp.accounts.account import Kind
from idp.ephemeral_records import RecordKind
from idp.limits.durable import DAY, LimitPolicy
from idp.limits.window import Window
from idp.limits.work import WorkPrice
from idp.login.attempt import Attempts, LoginAttempt
from idp.login.challenge import Challenges
from idp.login.limiter import LoginLimiter
from idp.login.limits import LoginLimits
from idp.login.logins import LoginRules, Logins
from idp.login.passkey_logins import PasskeyLogins
from idp.login.sessions import SessionLimits, Sessions

SUCCESSES_WAIT = 30
CAPTCHAS = 30
"""Captchas per address and minute."""


class LoginRoom(Room):
    """Authentication: attempts, captchas, logins, sessions."""

    def __init__(self, stores: Stores, accounts: AccountsRoom) -> None:
        super().__init__(stores)
        self._accounts = accounts

    @cached_property
    def sessions(self) -> Sessions:
        """Sessions, with the notice of a new device."""
        return Sessions(self.stores.sessions, self.clock, self.session_limits, self._accounts.notices)

    @cached_property
    def session_limits(self) -> SessionLimits:
        """How long sessions live."""
        idle, absolute = self.settings.login.session_idle, self.settings.login.session_absolute
        return SessionLimits(idle=idle, absolute=absolute, touch_every=min(60.0, idle / 10))

    @cached_property
    def attempts(self) -> Attempts:
        """Login attempts, with the limiters on starting too many."""
        records = self.records(RecordKind.LOGIN_ATTEMPT, LoginAttempt, self.settings.login.attempt_life)
        return Attempts(records, per_address=self.address_limiter(), total=self.total_limiter())

    @cached_property
    def challenges(self) -> Challenges:
        """Captchas, and the work that can replace them."""
        testing, secrets = self.settings.testing, self.stores.secrets
        price = WorkPrice(secrets.get("work"), self.limiter(1_000_000, 600), self.settings.limits.network_wrong)
        length, limiter = self.settings.login.captcha_length, self.limiter(CAPTCHAS)
        made = Challenges(secrets.get("captcha"), self.stores.ephemeral, self.clock, limiter, price, length)
        made.fixed = testing.fixed_captcha if testing.enabled else None
        return made

    @cached_property
    def login_limiter(self) -> LoginLimiter:
        """Counts tries at the login page."""
        limits, wait = self.settings.limits, SUCCESSES_WAIT
        return LoginLimiter(
            self.stores.rate_limits,
            self.challenges.work,
            LoginLimits(
                own=self._accounts.failure_policy,
                successes=LimitPolicy(limits.successes, wait, wait, memory=DAY, sliding=False),
                account_failures=limits.account_failures,
                network_accounts=limits.network_accounts,
                total_accounts=limits.total_accounts,
                network_accounts_then=limits.network_accounts_then,
            ),
            self.clock,
            knows_device=self.sessions.knows_device,
            digest_key=self.stores.secrets.get("log-digest"),
        )

    @cached_property
    def logins(self) -> Logins:
        """Local login."""
        login, stores = self.settings.login, self.stores
        windows: dict[Kind, Window] = {
            "individual": window(login.individual),
            "organisation": window(login.organisation),
        }
        rules = LoginRules(login.captcha, windows, self._accounts.exempt_person)
        return Logins(stores.people, self._accounts.passwords, self.login_limiter, stores.audit, self.clock, rules)

    @cached_property
    def passkey_logins(self) -> PasskeyLogins:
        """Logins by passkey, with the limiter on asking too often."""
        return PasskeyLogins(
            self._accounts.passkeys,
            self.stores.people,
            self.logins,
            self.stores.audit,
            self.clock,
            self.address_limiter(),
        )
