"""What operators can watch of the keys, and the calendar that everybody may read."""

from functools import partial

from config.stores import Stores
from idp.web.key_calendar import HORIZON, Calendar
from idp.web.metrics import Metrics
from keys.calendar import DAY, next_change


def calendar_of(base: Stores) -> Calendar:
    """The calendar by the ring of this process."""
    return Calendar(base.rings.ring, base.rotator.plan, base.settings.keys.jwks_max_age)


def watch_keys(base: Stores, metrics: Metrics) -> None:
    """Connect the metrics of keys."""
    metrics.watch(metrics.key_change, partial(_days, base))
    metrics.watch(metrics.ring_version, lambda: base.rings.ring().version)
    metrics.watch(metrics.ring_failing, lambda: float(base.rings.is_failing))
    for alg in base.rings.ring().in_use():
        metrics.watch(metrics.key_age.labels(alg), partial(_age, base, alg))


def _age(base: Stores, alg: str) -> float:
    now = base.clock()
    signing = base.rings.ring().signs_now(alg, now)
    return now - signing.signs_from if signing and signing.signs_from is not None else float("nan")


def _days(base: Stores) -> float:
    plan = base.rotator.plan()
    at = next_change(base.rings.ring(), plan, plan.now + HORIZON)
    return float("inf") if at is None else (at - plan.now) / DAY
