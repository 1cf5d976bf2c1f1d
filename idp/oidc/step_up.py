"""A resource wants a stronger or a newer login than the one behind a token (RFC 9470)."""

from collections.abc import Mapping
from dataclasses import dataclass

from idp.errors import BadRequest
from idp.login.authentication import Authentication, acr_level, acr_name

LONGEST_AGE = 10**9
ERROR = "insufficient_user_authentication"


@dataclass(frozen=True, slots=True)
class LoginDemand:
    """The lowest level of authentication, and for how many seconds a login counts; None: for ever."""

    acr: int = 0
    max_age: int | None = None

    def is_met(self, proof: Authentication | None, now: float) -> bool:
        """Whether a login is strong and new enough; a client's own token has none."""
        if proof is None:
            return self == LoginDemand()
        acted_at = proof.acted_at
        is_new = self.max_age is None or (acted_at is not None and acted_at >= now - self.max_age)
        return proof.acr >= self.acr and is_new

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate` that tells a client what to ask for at `/authorize` (RFC 9470, 3)."""
        wanted = f', acr_values="{acr_name(self.acr)}"' if self.acr else ""
        wanted += "" if self.max_age is None else f', max_age="{self.max_age}"'
        return f'Bearer realm="idp", error="{ERROR}", error_description="A stronger or newer login is needed."{wanted}'


ANY_LOGIN = LoginDemand()


class LoginTooWeak(Exception):
    """The token is valid and its login does not meet the demand; the message is the challenge."""


def read_demand(query: Mapping[str, str]) -> LoginDemand:
    """What `acr_values` and `max_age` demand; of several levels the lowest is enough. Raises `BadRequest`."""
    levels = [acr_level(name) for name in query.get("acr_values", "").split()]
    known = [level for level in levels if level is not None]
    if len(known) < len(levels):
        raise BadRequest("acr_values: an unknown level")
    age = query.get("max_age", "")
    if age and not (age.isascii() and age.isdigit() and int(age) <= LONGEST_AGE):
        raise BadRequest("max_age: no number of seconds")
    return LoginDemand(min(known, default=0), int(age) if age else None)
