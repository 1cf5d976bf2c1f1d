"""The citizen's side of the desk on a foundation, with the limiters of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.people_wiring import notices_of
from idp.desk.declarations import DeclarationLimiters, Declarations, DraftRules
from idp.desk.owners import Owners
from idp.desk.photos import PhotoProcessor
from idp.limits.local import LocalRateLimiter

if TYPE_CHECKING:
    from config.sections import WindowSettings
    from config.stores import Stores
    from idp.accounts.account import Kind
    from idp.store.agencies import SqlAgencies
    from idp.store.decisions import SqlDecisions
    from idp.store.declarations import SqlDeclarations

HOUR, DAY = 3600.0, 86_400.0
PHOTOS_OF_A_DRAFT, PHOTOS_OF_A_NETWORK, LOOKS = 30, 120, 20
"""Pictures that a draft takes in an hour, and pictures and looks at declarations that a network takes in a minute."""


def registrations_of(
    base: Stores, declarations: SqlDeclarations, decided: SqlDecisions, agencies: SqlAgencies
) -> Declarations:
    """Drafts, what is handed in, and how it stands."""
    limits, rules, clock = base.settings.limits, base.settings.registration, base.clock
    windows: dict[Kind, tuple[float | None, float | None]] = {
        "individual": _seconds(rules.individual),
        "organisation": _seconds(rules.organisation),
    }
    limiters = DeclarationLimiters(
        drafts=LocalRateLimiter(limits.attempts_per_address, 60, clock),
        all_drafts=LocalRateLimiter(limits.attempts_in_total, 60, clock, most=1),
        photos=LocalRateLimiter(PHOTOS_OF_A_DRAFT, HOUR, clock),
        network_photos=LocalRateLimiter(PHOTOS_OF_A_NETWORK, 60, clock),
        all_photos=LocalRateLimiter(limits.attempts_in_total, 60, clock, most=1),
        looks=LocalRateLimiter(LOOKS, 60, clock),
    )
    life = DraftRules(rules.draft_hours * HOUR, rules.lapse_days * DAY, windows)
    owners, issuer = Owners(base.people, notices_of(base), clock), base.settings.issuer
    return Declarations(declarations, decided, agencies, PhotoProcessor(), owners, limiters, clock, life, issuer=issuer)


def _seconds(window: WindowSettings) -> tuple[float | None, float | None]:
    """Both ends of a window, in seconds since the epoch."""
    opens, closes = window.opens_at, window.closes_at
    return opens.timestamp() if opens else None, closes.timestamp() if closes else None
