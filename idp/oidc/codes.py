"""Authorization codes: written once, taken once, before anything is minted.

A code lives at most a minute. `redeem` is called from the look-up hook, so a wrong verifier, redirect URI or client
burns
the code: whoever holds it gets one try. A second presentation ends whatever the first one minted (RFC 6749, 4.1.2).
"""

from dataclasses import replace

from idp.ephemeral_records import EphemeralRecords
from idp.oidc.families import Families
from idp.oidc.grant import AuthorizationCode, grant_id_of
from idp.ports import Spent


class Codes:
    """Issues and redeems authorization codes."""

    def __init__(self, records: EphemeralRecords[AuthorizationCode], families: Families) -> None:
        self._records = records
        self._families = families

    def issue(self, code: AuthorizationCode) -> str:
        """Keep `code` and return the handle that the client gets."""
        return self._records.add(code)

    def redeem(self, handle: str) -> AuthorizationCode | None:
        """Take the code. None when it is unknown, expired or spent; spent also revokes its grant, durably."""
        taken = self._records.take(handle)
        if isinstance(taken, Spent):
            self._families.revoke_grant(grant_id_of(handle))
            return None
        return None if taken is None else replace(taken, id=grant_id_of(handle))
