"""`LoginForm`: what was submitted with a password, from where, and why it may be refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from idp.accounts.account import Kind

FailureKind = Literal[
    "login_failed",
    "captcha_wrong",
    "captcha_needed",
    "wait",
    "work",
    "busy",
    "disabled",
    "closed",
    "passkey",
    "temporary_over",
]


@dataclass(eq=False)
class LoginFailed(Exception):
    """The login was not accepted; `kind` names the sentence, `wait` the seconds until the next try."""

    kind: FailureKind
    wait: int | None = None


@dataclass(frozen=True, slots=True)
class LoginForm:
    """What was submitted with the form and from where. `captcha` takes the challenge and checks its answer.

    It may read the attempt as well: what it raises ends the login before a try is counted.
    `failures` tells how often the attempt failed before, `owed` how many seconds the challenge has to wait because its
    work was not done.
    """

    kind: Kind
    username: str
    password: str
    captcha: Callable[[], bool] | None
    network: str
    address: str
    device: str | None = None
    failures: Callable[[], int] = lambda: 0
    owed: Callable[[], int] = lambda: 0
