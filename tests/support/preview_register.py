"""The pages of registration in their states, for the preview."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from idp.officers.agencies import Agency, Tree
from idp.web.register.choices import choices
from idp.web.register.wording import (
    GRADES,
    PAPERS,
    REASONS,
    REQUESTS,
    STATES,
    SUBMISSION,
    TRANSACT_AT,
    UNKNOWN,
    label,
    problem,
)

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""

REFERENCE = "7KF3-9QTA-2M"
OFFICE = Agency(
    "07906",
    "Bảo hiểm xã hội cơ sở Bình Thử",
    "base",
    "079",
    address="12 Đường Ví Dụ, Phường Bình Thử, Thành phố Hồ Chí Minh",
    phone="0280 000 0001",
)
TREE = Tree({"079": Agency("079", "BHXH Thành phố Thử", "province"), OFFICE.code: OFFICE})
TYPED = {
    "name": "Wolfeschlegelsteinhausenbergerdorff Maximiliana-Konstantina Nguyễn Phạm",
    "code": "0000000777",
    "paper_kind": "cccd",
    "paper_number": "000190000777",
    "birth_date": "17/05/1990",
    "province": "79",
    "commune": "25747",
    "street": "12 Đường Thử",
    "email": "nga@example.com",
    "phone": "0981 234 567",
    "starts_on": "22/11/2026",
    "transact_at": "portal",
    "agency": "07906",
    "submission": "desk",
}
WRONG = {"portrait": "too_many_pixels", "code": "form", "back": "missing", "birth_date": "under_age", "email": "form",
         "agrees": "unticked"}  # fmt: skip


def register_scenes() -> list[Raw]:
    """All of them."""
    return [*_start(), *_forms(), *_status(), ("register-done", "plain", "register/done.html", _done())]


def _start() -> list[Raw]:
    plain = {
        "kind": "individual",
        "asked": "register",
        "requests": REQUESTS,
        "closed": [],
        "unchosen": False,
        "over": False,
        "visit": None,
        "done": False,
        "draft_hours": 24,
        "eid": False,
    }
    full = plain | {"visit": SimpleNamespace(csrf="made-up"), "eid": True, "closed": ["organisation"]}
    wrong = plain | {"unchosen": True, "over": True, "done": True}
    states = {"plain": plain, "draft": full, "wrong": wrong}
    return [("register", state, "register/start.html", context) for state, context in states.items()]


def _forms() -> list[Raw]:
    empty = {
        "draft": SimpleNamespace(state="draft", note=None, kind="individual"),
        "organisation": False,
        "csrf": "made-up",
        "typed": {"starts_on": "22/11/2026"},
        "wrong": {},
        "labels": {},
        "message": None,
        "odd": (),
        "warnings": [],
        "reason": None,
        "kept": [],
        "needed": ("portrait", "front", "back"),
        "choices": choices(TREE, {}, date(2026, 11, 22)),
        "papers": PAPERS,
        "ivans": {"00111": "MISA"},
        "transact_at": TRANSACT_AT,
        "submission": SUBMISSION,
        "draft_hours": 24,
    }
    typed = empty | {"typed": TYPED, "choices": choices(TREE, TYPED, date(2026, 11, 22))}
    wrong = typed | {
        "wrong": {name: problem(name, why) for name, why in WRONG.items()},
        "labels": {name: label(name) for name in WRONG},
        "kept": ["front"],
    }
    odd = typed | {"odd": tuple(GRADES), "warnings": list(GRADES.values())}
    returned = typed | {
        "draft": SimpleNamespace(state="returned", note="Chụp lại mặt trước của căn cước.", kind="individual"),
        "reason": REASONS["paper_unreadable"],
    }
    states = {"empty": empty, "wrong": wrong, "odd": odd, "returned": returned}
    states["organisation"] = typed | {"organisation": True}
    return [("register-form", state, "register/form.html", context) for state, context in states.items()]


def _status() -> list[Raw]:
    asked: dict[str, Any] = {"reference": "", "phone": "", "error": None, "found": None, "state": None, "reason": None}
    asked |= {"agency": None}
    typed = asked | {"reference": REFERENCE, "phone": "0981 234 567"}

    def found(state: str) -> dict[str, Any]:
        is_open = state in ("submitted", "returned")
        one = SimpleNamespace(state=state, note="Chụp lại mặt trước.", is_open=is_open, email_verified_at=1.0)
        reason = REASONS["paper_unreadable"] if state in ("returned", "rejected") else None
        return typed | {"found": one, "state": STATES[state], "reason": reason, "agency": OFFICE}

    states = {"plain": asked, "unknown": typed | {"error": UNKNOWN}}
    states |= {state: found(state) for state in ("submitted", "returned", "approved", "rejected")}
    shown: list[Raw] = [
        ("register-status", state, "register/status.html", context) for state, context in states.items()
    ]
    gone = SimpleNamespace(formatted_reference=REFERENCE)
    return [*shown, ("register-cancelled", "plain", "register/cancelled.html", {"declaration": gone})]


def _done() -> dict[str, Any]:
    names = ("name", "code", "paper_number", "birth_date", "address", "email", "phone", "transact_at", "agency")
    said = TYPED | {
        "address": "12 Đường Thử, Phường Thủ Dầu Một, Thành phố Hồ Chí Minh",
        "transact_at": TRANSACT_AT["portal"],
        "agency": f"{OFFICE.code} - {OFFICE.name}",
    }
    form = SimpleNamespace(agency=OFFICE.code)
    digest = "0123456789abcdef" * 4
    return {
        "declaration": SimpleNamespace(
            formatted_reference=REFERENCE, request="register", form=form, form_digest=digest
        ),
        "requests": REQUESTS,
        "lines": [(label(name), said[name]) for name in names],
        "agency": OFFICE,
        "starts_on": "ngày 22 tháng 11 năm 2026",
        "signed_on": "ngày 22 tháng 11 năm 2026",
        "csrf": "made-up",
    }
