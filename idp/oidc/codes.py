"""Authorization codes: written once, taken once, before anything is minted.

A code is valid for at most a minute. `redeem` is called from the look-up hook, so a wrong verifier, redirect URI or
client uses up the code: its holder gets one try. A second presentation revokes everything that the first one minted
(RFC 6749, 4.1.2).
"""

from dataclasses import replace

from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.oidc.families import Families
from idp.oidc.grant import AuthorizationCode, grant_id_of
from idp.ports import NewRecord, Spent


def is_offline(handle: str) -> bool:
    """Whether this code brings a refresh token."""
    return handle.startswith(f"{RecordKind.OFFLINE_CODE}_")


class Codes:
    """Issues and redeems authorization codes; those that bring a refresh token are the records of `offline`."""

    def __init__(
        self,
        records: EphemeralRecords[AuthorizationCode],
        offline: EphemeralRecords[AuthorizationCode],
        families: Families,
    ) -> None:
        self._records = records
        self._offline = offline
        self.families = families

    def issue(self, code: AuthorizationCode) -> str:
        """Store `code` and return the handle that the client gets."""
        return self._records_for(code).add(code)

    def drafted(self, code: AuthorizationCode) -> tuple[str, NewRecord]:
        """The same, for whoever puts the record in the step in which the attempt is taken."""
        return self._records_for(code).drafted(code)

    def redeem(self, handle: str) -> AuthorizationCode | None:
        """Take the code. None when it is unknown, expired or used; a used one also revokes its grant, durably."""
        taken = (self._offline if is_offline(handle) else self._records).take(handle)
        if isinstance(taken, Spent):
            self.families.revoke_grant(grant_id_of(handle))
            return None
        return None if taken is None else replace(taken, id=grant_id_of(handle))

    def _records_for(self, code: AuthorizationCode) -> EphemeralRecords[AuthorizationCode]:
        return self._offline if code.grant.offline else self._records
