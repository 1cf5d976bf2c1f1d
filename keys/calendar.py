"""The future of the keys: the dates that are set, and those that follow from the rotation interval."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from keys.changes import Plan
from keys.ring import KeyRing, SigningKey

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Course:
    """The life of one key from publication to removal. `kid` is None while the key does not exist yet."""

    alg: str
    kid: str | None
    published_from: float
    signs_from: float | None = None
    signs_until: float | None = None
    published_until: float | None = None
    foreseen: bool = False
    """Whether any future date follows from the rotation interval and is not set yet."""

    @property
    def name(self) -> str:
        return self.kid[:12] if self.kid else "a new key"


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """One externally visible event: "published", "signs" or "leaves"."""

    at: float
    what: str
    course: Course


def courses(ring: KeyRing, plan: Plan, horizon: float) -> list[Course]:
    """The life of every key that is published at some time between now and `horizon`."""
    listed: list[Course] = []
    for alg in dict.fromkeys(key.alg for key in ring.in_order()):
        listed += [_dated(key) for key in _leaving(ring, plan, alg)]
        listed += _line(ring, plan, alg, horizon)
    return listed


def events(listed: list[Course], now: float, horizon: float) -> list[KeyEvent]:
    """The events after `now` and up to `horizon`, in order."""
    events = [event for course in listed for event in _events(course) if now < event.at <= horizon]
    return sorted(events, key=lambda event: (event.at, event.course.alg, event.what))


def document(ring: KeyRing, plan: Plan, max_age: float, horizon: float) -> dict[str, Any]:
    """The calendar for clients and programs: the key policy, the current keys, and future events."""
    listed = courses(ring, plan, horizon)
    return {
        "now": iso(plan.now),
        "ring_version": ring.version,
        "jwks_max_age": max_age,
        "published_before_signing": plan.policy.lead,
        "rotate_every": plan.policy.rotate_every,
        "keys": [key_entry(ring, key, plan) for key in ring.in_order() if key.is_published(plan.now)],
        "revoked": [
            {"kid": key.kid, "alg": key.alg, "revoked_at": iso(key.revoked_at)} for key in ring.keys if key.is_revoked
        ],
        "events": [
            {
                "at": iso(event.at),
                "what": event.what,
                "alg": event.course.alg,
                "kid": event.course.kid,
                "foreseen": event.course.foreseen,
            }
            for event in events(listed, plan.now, horizon)
        ],
    }


def key_entry(ring: KeyRing, key: SigningKey, plan: Plan) -> dict[str, Any]:
    """One key with its dates, for programs."""
    state = ring.state(key, plan.now)
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": state,
        "published_from": iso(key.published_from),
        "may_sign_from": iso(plan.ready_at(ring, key)) if state in ("standby", "coming") else None,
        "signs_from": iso(key.signs_from),
        "published_until": iso(key.published_until),
        "revoked_at": iso(key.revoked_at),
    }


def iso(at: float | None) -> str | None:
    """A date for programs (RFC 3339), to the second, in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def next_change(ring: KeyRing, plan: Plan, horizon: float) -> float | None:
    """When clients will see the next change, if one is foreseeable."""
    return next((event.at for event in events(courses(ring, plan, horizon), plan.now, horizon)), None)


def _events(course: Course) -> Iterator[KeyEvent]:
    yield KeyEvent(course.published_from, "published", course)
    if course.signs_from is not None:
        yield KeyEvent(course.signs_from, "signs", course)
    if course.published_until is not None:
        yield KeyEvent(course.published_until, "leaves", course)


def _leaving(ring: KeyRing, plan: Plan, alg: str) -> list[SigningKey]:
    """Keys that only wait for their last tokens to expire."""
    signing = ring.signs_now(alg, plan.now)
    old = [k for k in ring.published(plan.now) if k.alg == alg and k.published_until is not None]
    return sorted((key for key in old if key is not signing), key=lambda key: key.published_until or 0.0)


def _line(ring: KeyRing, plan: Plan, alg: str, horizon: float) -> list[Course]:
    """The signing key and its successors, each with the time at which the next one takes over."""
    signing = ring.signs_now(alg, plan.now)
    waiting = [_dated(key) for key in ring.successors(alg, plan.now)]
    ready = {key.kid: plan.ready_at(ring, key) for key in ring.successors(alg, plan.now)}
    line = [_dated(signing), *waiting] if signing else waiting
    for number, course in enumerate(line):
        if number + 1 == len(line):
            break
        takes_over = line[number + 1]
        at, foreseen = takes_over.signs_from, takes_over.signs_from is None
        if at is None:
            every = plan.policy.rotate_every
            if every is None or course.signs_from is None:
                break
            known = ready.get(takes_over.kid or "", takes_over.published_from + plan.policy.lead)
            at = max(plan.now, course.signs_from + every, known)
            if at > horizon:
                break
            line[number + 1] = replace(takes_over, signs_from=at, foreseen=True)
            line.append(Course(alg, None, at, foreseen=True))
        until = course.published_until or at + plan.policy.overlap
        line[number] = replace(course, signs_until=at, published_until=until, foreseen=course.foreseen or foreseen)
    return line


def _dated(key: SigningKey) -> Course:
    return Course(key.alg, key.kid, key.published_from, key.signs_from, None, key.published_until)
