"""The alarm for an unlisted proxy, for `idp doctor`: serving processes record when it last sounded."""

from config.settings import BadSettings
from config.stores import Stores
from idp.store.counters import put_counter, read_counter

NAME = "forwarded from unlisted"
TOLD_FOR = 86_400
"""Seconds during which `idp doctor` reports the alarm."""


def note_unlisted(base: Stores) -> None:
    """Record that it sounded now."""
    put_counter(base.database, NAME, int(base.clock()))


def look_for_unlisted(base: Stores) -> str:
    """The listed proxies. Raises `BadSettings` when the alarm sounded recently."""
    ago = base.clock() - read_counter(base.database, NAME)
    if ago < TOLD_FOR:
        why = (
            f"{ago / 60:.0f} minutes ago an unlisted peer spoke for others, or a listed one without X-Forwarded-For: "
            "many people may count as one address (docs/deploy.md, In front)"
        )
        raise BadSettings([why])
    return ", ".join(base.settings.web.trusted_proxies) or "none listed: whoever connects is the one who is counted"
