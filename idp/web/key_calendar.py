"""`/keys` and `/keys.json`: which keys sign, which are on standby, and what happens to them in the next 90 days."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext

from idp.dates import local_date
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from idp.web.page import Page
from keys.calendar import DAY, Course, courses, document, events
from keys.changes import Plan
from keys.ring import KeyRing, SigningKey

HORIZON = 90 * DAY
STATES = {
    "signs": lazy_gettext("Đang ký"),
    "standby": lazy_gettext("Dự phòng"),
    "coming": lazy_gettext("Sắp ký"),
    "replaced": lazy_gettext("Đã được thay, chờ token cũ hết hạn"),
    "retired": lazy_gettext("Đã gỡ"),
    "revoked": lazy_gettext("Đã thu hồi"),
}
SEEN = {
    "published": lazy_gettext("được công bố"),
    "signs": lazy_gettext("bắt đầu ký"),
    "leaves": lazy_gettext("được gỡ khỏi /jwks"),
}


class Calendar:
    """The calendar of the current key ring."""

    def __init__(self, ring: Callable[[], KeyRing], plan: Callable[[], Plan], max_age: int) -> None:
        self.ring = ring
        self.plan = plan
        self.max_age = max_age

    def table(self) -> Mapping[str, Endpoint]:
        return {"/keys.json": self.json}

    def json(self, environ: Environ) -> EndpointResponse:
        """The calendar for programs."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return problem(405, "method_not_allowed", [("Allow", "GET, HEAD")])
        plan = self.plan()
        return reply(200, document(self.ring(), plan, self.max_age, plan.now + HORIZON), [])


class KeysPage(Page):
    """The calendar for people who run portals."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def get(self) -> str:
        ring, plan = self._calendar.ring(), self._calendar.plan()
        horizon = plan.now + HORIZON
        coming = events(courses(ring, plan, horizon), plan.now, horizon)
        return render_template(
            "keys.html",
            keys=[_key(ring, key, plan.now) for key in ring.in_order() if key.is_published(plan.now)],
            revoked=[
                {"kid": k.kid, "alg": k.alg, "at": local_date(k.revoked_at)} for k in ring.in_order() if k.is_revoked
            ],
            events=[_event(event.at, event.what, event.course) for event in coming],
            minutes=max(1, round(self._calendar.max_age / 60)),
            hours=max(1, round(plan.policy.lead / 3600)),
        )


def _key(ring: KeyRing, key: SigningKey, now: float) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": STATES[ring.state(key, now)],
        "since": local_date(key.published_from),
        "signs": key.signs_from and local_date(key.signs_from),
        "until": key.published_until and local_date(key.published_until),
    }


def _event(at: float, what: str, course: Course) -> dict[str, Any]:
    return {"at": local_date(at), "alg": course.alg, "kid": course.kid, "what": SEEN[what], "foreseen": course.foreseen}
