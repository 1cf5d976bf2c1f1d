"""The output of `idp keys`: rows, a small timeline, what changed, and what clients will see of it."""

from collections.abc import Iterator
from typing import Any

from idp.store.sealed_records import KeyFinding
from keys.calendar import DAY, Course, courses, events, iso
from keys.changes import Change, Plan, moment
from keys.ring import KeyRing, SigningKey
from keys.rotation import Outcome

COLUMNS = ("alg", "kid", "state", "published", "signs", "leaves")
WIDTH = 54


def row(ring: KeyRing, key: SigningKey, plan: Plan) -> dict[str, Any]:
    """A key as a line of `idp keys list`."""
    state = ring.state(key, plan.now)
    signs = moment(key.signs_from) if key.signs_from is not None else None
    if state == "standby":
        ready = plan.ready_at(ring, key)
        signs = "ready" if ready <= plan.now else f"ready {moment(ready)}"
    ends = key.revoked_at if key.revoked_at is not None else key.published_until
    return {
        "alg": key.alg,
        "kid": key.name,
        "state": state,
        "published": moment(key.published_from),
        "signs": signs,
        "leaves": None if ends is None else moment(ends),
    }


def status(ring: KeyRing, plan: Plan, max_age: float, horizon: float) -> Iterator[str]:
    """The signing and standby keys, and the time until `horizon` as a picture and in words."""
    yield (
        f"ring version {ring.version}: a key is published {span(plan.policy.lead)} before it signs, "
        f"portals keep /jwks for {span(max_age)}"
    )
    yield ""
    for alg in ring.in_use():
        yield from _alg(ring, plan, alg)
    if not ring.keys:
        yield "there are no keys yet: `idp serve` makes them when it starts"
        return
    listed = courses(ring, plan, horizon)
    yield ""
    yield from _picture(listed, plan.now, horizon)
    yield ""
    coming = events(listed, plan.now, horizon)
    for event in coming:
        foreseen = ", foreseen" if event.course.foreseen else ""
        yield f"{moment(event.at)}  {event.course.alg}  {event.course.name} {SEEN[event.what]}{foreseen}"
    if not coming:
        yield "nothing will change in this time"
    if plan.policy.rotate_every is None:
        yield "no rotation is scheduled: run `idp keys rotate` from a timer, or set keys.rotate_every"


SEEN = {"published": "is published", "signs": "begins to sign", "leaves": "leaves /jwks"}


def _alg(ring: KeyRing, plan: Plan, alg: str) -> Iterator[str]:
    signing = ring.signs_now(alg, plan.now)
    if signing is None or signing.signs_from is None:
        yield f"{alg:6} no key signs yet"
    else:
        yield f"{alg:6} {signing.name} signs since {moment(signing.signs_from)}"
    for key in ring.successors(alg, plan.now):
        if key.signs_from is not None:
            yield f"{'':6} {key.name} signs from {moment(key.signs_from)}"
        else:
            yield f"{'':6} {key.name} {_ready(ring, key, plan)}"


def _picture(listed: list[Course], now: float, horizon: float) -> Iterator[str]:
    days = round((horizon - now) / DAY)
    yield f"{'':6} {'':12} {'now':<{WIDTH // 2}}{f'in {days} days':>{WIDTH - WIDTH // 2}}"
    for course in listed:
        bar = "".join(_mark(course, now + (horizon - now) * (step + 0.5) / WIDTH) for step in range(WIDTH))
        yield f"{course.alg:6} {course.name:12} {bar}".rstrip()
    yield f"{'':6} {'':12} # signs   . is published"


def _mark(course: Course, at: float) -> str:
    if at < course.published_from or (course.published_until is not None and course.published_until <= at):
        return " "
    signs = course.signs_from is not None and course.signs_from <= at
    return "#" if signs and (course.signs_until is None or at < course.signs_until) else "."


def described(outcome: Outcome, max_age: float, dry_run: bool) -> Iterator[str]:
    """What a change did, or would do, and what clients see of it."""
    if not outcome.changes:
        yield "nothing is to be done"
        yield from _due(outcome)
        return
    begun = {change.key.kid for change in outcome.changes if change.kind == "activated"}
    for change in outcome.changes:
        if change.kind != "published" or change.key.kid not in begun:
            yield f"{change.key.alg:6} {_told(change, outcome, dry_run)}"
    yield from portals(outcome, max_age)
    if dry_run:
        yield "This was a dry run: nothing has changed."


def _due(outcome: Outcome) -> Iterator[str]:
    ring, plan = outcome.after, outcome.plan
    for alg in ring.in_use():
        due = plan.due_at(ring, alg)
        if due is not None:
            when = "stands by, ready" if due <= plan.now else f"is due {moment(due)}"
            yield f"{alg:6} {ring.successors(alg, plan.now)[0].name} {when}"


def _told(change: Change, outcome: Outcome, dry_run: bool) -> str:
    key, plan = change.key, outcome.plan
    is_new = outcome.before.find(key.kid) is None
    name = "a new key" if dry_run and is_new else key.name
    prefix = "is published and " if is_new else ""
    match change.kind:
        case "revoked":
            return f"{name} is REVOKED: it has left /jwks, and its tokens are refused"
        case "activated" if change.at <= plan.now:
            return f"{name} {prefix}signs now"
        case "activated":
            return f"{name} {prefix}signs from {moment(change.at)}"
        case "replaced" if change.at <= plan.now:
            return f"{name} has left /jwks"
        case "replaced":
            return f"{name} leaves /jwks at {moment(change.at)}, when its last token has expired"
    return f"{name} is published and {_ready(outcome.after, key, plan)}"


def _ready(ring: KeyRing, key: SigningKey, plan: Plan) -> str:
    ready = plan.ready_at(ring, key)
    return "stands by, ready" if ready <= plan.now else f"stands by, ready {moment(ready)}"


def portals(outcome: Outcome, max_age: float) -> Iterator[str]:
    """What clients will see of a change."""
    by = moment(outcome.plan.now + max_age)
    if not outcome.before.keys:
        yield "These are the first keys of all: no portal can have an older copy."
        return
    kinds = {change.kind for change in outcome.changes}
    if "revoked" in kinds:
        yield f"Portals refuse the revoked key when they renew their copy of /jwks, the last by {by}; we do within 5 s."
        yield "Nobody is logged out: portals get new tokens with their refresh tokens."
    for key in outcome.too_early:
        yield (
            f"WARNING, the guarantee is left: {key.name} signs before its lead is over. Until {by} a portal "
            f"whose copy of /jwks is older than the key may fail on new {key.alg} tokens."
        )
    if "revoked" not in kinds and not outcome.too_early:
        if "activated" in kinds:
            yield "Portals notice nothing: the keys that sign were in /jwks long enough."
        yield f"Portals see the new list of keys by {by} and have nothing to do."


def outcome(result: Outcome, max_age: float, dry_run: bool) -> dict[str, Any]:
    """The same for programs."""
    ring, plan = result.after, result.plan
    dues = {alg: plan.due_at(ring, alg) for alg in ring.in_use()}
    return {
        "changes": [
            {"what": change.kind, "alg": change.key.alg, "kid": change.key.kid, "at": iso(change.at)}
            for change in result.changes
        ],
        "guarantee": not result.too_early,
        "portals": list(portals(result, max_age)) if result.changes else [],
        "due": {alg: iso(due) for alg, due in dues.items()},
        "dry_run": dry_run,
    }


def finding(checked: KeyFinding, ring: KeyRing, plan: Plan) -> dict[str, Any]:
    """A line of `idp keys verify`."""
    key = checked.key
    return {
        "what": checked.what,
        "name": key.name if key else checked.name[:12],
        "master": checked.master[:8],
        "state": "BROKEN" if checked.broken else (ring.state(key, plan.now) if key else "good"),
        "tokens": _tokens(ring, key, plan) if key else None,
    }


def _tokens(ring: KeyRing, key: SigningKey, plan: Plan) -> str:
    match ring.state(key, plan.now):
        case "signs":
            return "being issued"
        case "replaced":
            return f"live until {moment(key.published_until or plan.now)}"
        case "revoked":
            return "refused"
        case "retired":
            return "expired; good as hints"
    return "none yet"


def span(seconds: float) -> str:
    """A human-readable duration."""
    for unit, length in (("days", DAY), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length or (seconds >= length and seconds % length == 0):
            count = seconds / length
            return f"{count:.0f} {unit if round(count) != 1 else unit[:-1]}"
    return f"{seconds:.0f} seconds"
