"""The alarm for a proxy that nobody listed, for `idp doctor`: the processes that serve note when it last sounded."""

from config.settings import BadSettings
from config.stores import Stores
from idp.store.counters import put_counter, read_counter

NAME = "forwarded from unlisted"
TOLD_FOR = 86_400
"""Seconds for which the alarm is told."""


def note_unlisted(base: Stores) -> None:
    """Remember that it sounded now."""
    put_counter(base.database, NAME, int(base.clock()))


def look_for_unlisted(base: Stores) -> str:
    """What is listed. Raises `BadSettings` when the alarm sounded lately."""
    ago = base.clock() - read_counter(base.database, NAME)
    if ago < TOLD_FOR:
        why = (
            f"{ago / 60:.0f} minutes ago an unlisted peer spoke for others, or a listed one without X-Forwarded-For: "
            "many people may count as one address (docs/deploy.md, In front)"
        )
        raise BadSettings([why])
    return ", ".join(base.settings.web.trusted_proxies) or "none listed: whoever connects is the one who is counted"
