"""The pages of an account's life in their states: activation, history, own data, recovery by eID."""

from typing import Any

from flask_babel import gettext

from idp.web.activity_words import HAPPENED, THROUGH
from idp.web.sentences import IDENTIFIERS, KEPT, PASSWORD

Raw = tuple[str, str, str, dict[str, Any]]
"""Page, state, template, context."""


def life_scenes() -> list[Raw]:
    """All of them."""
    held = [
        {"label": IDENTIFIERS["bhxh"], "masked": "******0044"},
        {"label": IDENTIFIERS["cccd"], "masked": "********4004"},
    ]
    whose = {
        "ticket": "made-up",
        "name": "Hoàng T. M.",
        "identifiers": held,
        "phone": "*** *** *44",
        "known": True,
        "error": None,
    }
    first = {"ticket": "made-up", "username": "0044000044", "error": None}
    anew = {"csrf": "made-up", "username": "0044000044", "error": None}
    short = {"error": str(PASSWORD["too_short"])}
    wrong = gettext("Mã số tờ khai không đúng. Hãy xem trên bản in.")
    return [
        ("activate", "plain", "activate.html", whose),
        ("activate", "by-number-alone", "activate.html", whose | {"known": False}),
        ("activate", "wrong-reference", "activate.html", whose | {"known": False, "error": wrong}),
        ("activate-password", "plain", "activate_password.html", first),
        ("activate-password", "short", "activate_password.html", first | short),
        ("activated", "plain", "activated.html", {}),
        ("activity", "plain", "activity.html", {"rows": _rows()}),
        ("activity", "none", "activity.html", {"rows": []}),
        ("own-data", "none", "own_data.html", {"asked": [], "waits": False, "csrf": "made-up"}),
        ("own-data", "asked", "own_data.html", {"asked": _asked(), "waits": True, "csrf": "made-up"}),
        ("erase", "plain", "erase.html", {"csrf": "made-up", "kept": _kept()}),
        ("recover-eid", "plain", "recover_eid.html", {}),
        ("recover-eid-no-channel", "plain", "recover_eid_no_channel.html", {}),
        ("recover-eid-password", "plain", "recover_eid_password.html", anew),
        ("recover-eid-password", "short", "recover_eid_password.html", anew | short),
    ]


def _kept() -> list[tuple[str, str]]:
    return [(f"{KEPT['declaration']} 7KF3-9QTA-2M", "12/03/2036"), (str(KEPT["numbers"]), "01/12/2036")]


def _rows() -> list[dict[str, Any]]:
    empty = {"through": "", "browser": "", "network": "", "odd": False}
    came = {"through": THROUGH["passkey"], "browser": "Chrome, Windows", "network": "192.0.2.0/24"}
    return [
        empty | came | {"what": HAPPENED["login.succeeded"], "at": "21/11/2026 19:42"},
        empty | {"what": HAPPENED["login.failed"], "at": "21/11/2026 19:40", "odd": True},
        empty | {"what": HAPPENED["account.activated"], "at": "03/11/2026 08:15"},
    ]


def _asked() -> list[dict[str, Any]]:
    days = {"asked": "20/11/2026 18:00", "acknowledge_by": "24/11/2026 23:59", "answer_by": "05/12/2026 23:59"}
    days["erased_from"] = "23/11/2026 18:00"
    waits = {
        "id": "madeup",
        "reference": "7KF3-9QTA-2M",
        "state": "open",
        "waits": True,
        "answered": None,
        "note": None,
    }
    refused = {
        "state": "refused",
        "waits": False,
        "answered": "02/10/2026 09:30",
        "note": "Đang có khiếu nại chưa giải quyết.",
    }
    return [waits | days, waits | days | refused | {"reference": "8MQN-87DE-4J"}]
