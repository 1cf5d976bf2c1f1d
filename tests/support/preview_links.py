"""The pages of links to upstreams in their states, and of the state of the ways in, for the preview."""

from typing import Any

from federation.sentences import CONTACTS, LOOKUP, OLDER, REFUSED
from federation.status import STATES

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""
VNEID, DVCQG = "VNeID", "Cổng Dịch vụ công quốc gia"
ACCOUNT = {"name": "Nguyễn V. A.", "label": "Mã số BHXH", "number": "******0412", "phone": "*** *** *67"}


def link_scenes() -> list[Raw]:
    """All of them."""
    return [*_ceremony(), *_refused(), *_own(), *_status()]


def _ceremony() -> list[Raw]:
    made_up = {"ceremony": "made-up"}
    asks_what = {"action": "/link/keep", "hidden": {"attempt": "made-up"}, "way": VNEID}
    person = {"name": "Trần Thị Mỹ Duyên", "birth_date": "30/04/1999", "citizen_number": "********7001"}
    differs = dict(
        zip(("title", "sentence"), (str(text) % {"way": DVCQG} for text in REFUSED["phone_differs"]), strict=True)
    )
    return [
        ("link-confirm", "plain", "link_confirm.html", made_up | {"way": VNEID, "account": ACCOUNT, "by_code": False}),
        (
            "link-confirm",
            "code",
            "link_confirm.html",
            made_up | {"way": DVCQG, "account": ACCOUNT | {"phone": None}, "by_code": True},
        ),
        ("link-open", "participant", "link_open.html", made_up | person | {"way": VNEID, "bhxh_code": "******1120"}),
        ("link-open", "nobody", "link_open.html", made_up | person | {"way": VNEID, "bhxh_code": ""}),
        (
            "link-who",
            "plain",
            "link_who.html",
            made_up | {"way": DVCQG, "typed": "", "error": "", "may_open": False, "by_code": True, "weak": False},
        ),
        (
            "link-who",
            "failed",
            "link_who.html",
            made_up
            | {
                "way": VNEID,
                "typed": "0099999999",
                "error": str(LOOKUP["none"]),
                "may_open": True,
                "by_code": True,
                "weak": True,
            },
        ),
        (
            "link-who",
            "organisation",
            "link_who.html",
            made_up | {"way": DVCQG, "typed": "", "error": "", "may_open": False, "by_code": False, "weak": False},
        ),
        ("link-password", "plain", "link_password.html", made_up | {"way": VNEID, "differs": None}),
        ("link-password", "differs", "link_password.html", made_up | {"way": DVCQG, "differs": differs}),
        (
            "link-step",
            "plain",
            "link_step.html",
            {"handle": "made-up", "way": VNEID, "name": "NGUYỄN VĂN AN", "account": ACCOUNT},
        ),
        ("link-keep", "plain", "link_keep.html", asks_what | {"rows": _older()}),
        ("link-keep", "nothing", "link_keep.html", asks_what | {"rows": []}),
        (
            "linked",
            "removed",
            "linked.html",
            {"removed": [str(text) for text in CONTACTS.values()], "go_on": "/account"},
        ),
    ]


def _older() -> list[dict[str, Any]]:
    named = {
        "password": "",
        "passkey": "Điện thoại của An",
        "link": DVCQG,
        "phone": "*** *** *67",
        "email": "a***@example.com",
    }
    since = {"since": "12/03/2024 08:15"}
    rows = [{"key": f"{kind}:", "title": str(OLDER[kind]), "name": name} | since for kind, name in named.items()]
    return [row | {"kept": row["key"] == "password:"} for row in rows[:-1]] + [rows[-1] | {"since": "", "kept": False}]


def _refused() -> list[Raw]:
    return [
        (
            "link-refused",
            why,
            "link_refused.html",
            {"title": str(title), "sentence": str(sentence) % {"way": DVCQG}, "handle": "made-up"},
        )
        for why, (title, sentence) in REFUSED.items()
    ]


def _own() -> list[Raw]:
    link = {"id": "made-up", "label": VNEID, "since": "02/03/2026 08:00", "used": "15/11/2026 21:30"}
    ways = [{"id": "dvcqg", "label": DVCQG}]
    shown = {"csrf": "made-up", "error": None}
    return [
        ("links", "one", "links.html", shown | {"links": [link], "ways": ways}),
        ("links", "none", "links.html", shown | {"links": [], "ways": [*ways, {"id": "vneid", "label": VNEID}]}),
        (
            "links",
            "failed",
            "links.html",
            {"csrf": "made-up", "links": [link], "ways": [], "error": str(REFUSED["conflict"][1])},
        ),
        ("link-own", "plain", "link_own.html", {"ceremony": "made-up", "csrf": "made-up", "way": DVCQG, "name": None}),
    ]


def _status() -> list[Raw]:
    good = [
        {"name": None, "state": STATES["ok"], "is_good": True},
        {"name": VNEID, "state": STATES["ok"], "is_good": True},
    ]
    bad = [
        {"name": None, "state": STATES["ok"], "is_good": True},
        {"name": VNEID, "state": STATES["down"], "is_good": False},
        {"name": DVCQG, "state": STATES["closed"], "is_good": False},
    ]
    return [("status", "good", "status.html", {"rows": good}), ("status", "bad", "status.html", {"rows": bad})]
