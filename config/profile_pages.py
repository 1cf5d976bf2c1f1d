"""The pages on which owners ask the desk for a change or an end: URL, name, view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.people_wiring import sql_credentials
from idp.desk.profile import ProfileChange, Profiles
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.web import profile

if TYPE_CHECKING:
    from config.wiring import Provider
    from idp.web.account import OwnPages
    from idp.web.otp_flow import OtpFlow
    from idp.web.routes import Routes

WISH_LIFE = 900.0


def profile_pages(p: Provider, own: OwnPages, desk: OtpFlow) -> Routes:
    """What is registered, the end of its use, and the codes that confirm either."""
    base, agencies, declarations = p.base, p.desk.agencies, p.desk.registrations
    wishes = EphemeralRecords(RecordKind.PROFILE_CHANGE, ProfileChange, base.ephemeral, base.clock, life=WISH_LIFE)
    store, issuer = p.desk.declarations, base.settings.issuer
    profiles = Profiles(store, declarations, agencies, wishes, base.clock, issuer=issuer)
    former, passkeys = base.people.identifiers_of, sql_credentials(base).has_passkeys
    office = profile.Office(own, profiles, declarations, agencies, former, passkeys)
    return [
        ("/account/profile", "profile", profile.Profile.as_view("profile", office)),
        ("/account/profile/code", "profile_code", profile.ProfileCode.as_view("profile_code", office, desk)),
        ("/account/stop", "stop", profile.Stop.as_view("stop", office)),
    ]
