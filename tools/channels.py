"""Writes docs/channels.md from the table in `idp/accounts/trust.py`: `python tools/channels.py`."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from idp.accounts import trust

PAGE = Path(__file__).resolve().parent.parent / "docs" / "channels.md"
HEAD = """# Who may speak for a person

Written by `python tools/channels.py` from the table in `idp/accounts/trust.py`, which every path asks: not by hand.

An account is reached by one phone number and one e-mail address. What either may do depends on how it stands now. An
empty cell is a refusal: whoever asks gets the same answer as somebody who is unknown.

"""
STATES: dict[trust.ChannelState, str] = {
    "unproved": "nobody ever proved it",
    "vouched": "an officer or operator put it there, no code has reached it yet",
    "proved": "a code reached it (a number: within twelve months)",
    "unused": "no code reached the number for twelve months: it may be somebody else's now",
    "changed": "it took the place of another within 72 hours, and a code reached it",
    "restored": 'put back by "this was not me" within 72 hours',
    "rested": "put back longer ago, no code has reached it since",
}
PURPOSES: dict[trust.Purpose, str] = {
    "login": "code of a login (by mail: after much guessing, where no number may be used)",
    "step_up": "code for the sensitive pages of `/account`",
    "password": "code that lets a changed password take effect",
    "device": "code that enrols a phone or takes the place of one",
    "profile": "code that asks the desk for a change, and the letter about it",
    "activation": "code of a first password",
    "contact": "code that proves the address itself",
    "link": "code that confirms a link to an upstream",
    "matching": "counts as the person's number when an upstream brings somebody",
    "recovery": "recovers a forgotten password (number: code; address: link)",
    "hotline": "gets the link that the hotline starts",
    "notice": "is told what happens to the account",
    "disavow": 'may answer a notice with "this was not me"',
    "claim": "portals are told that it is verified",
}
PROOFS: dict[trust.Proof, str] = {
    "eid_fresh": "login through an upstream that proved the person in the flesh and proves that it happened just now; "
    "the link has rested for 72 hours and does not stand on the lost password",
    "eid_undated": "the same, but the upstream cannot prove when the login happened",
    "eid_old": "the same, longer than five minutes ago",
    "eid_weak": "any other login through an upstream, and every login on a strange screen",
    "disavow": '"this was not me" about what nobody vouched for',
    "disavow_outranked": '"this was not me" about what a desk or a strong electronic identity vouched for, or from a '
    "notice that is older than their word",
    "disavow_eid_recovery": '"this was not me" about a recovery by a strong electronic identity',
}
POWERS: dict[trust.Power, str] = {
    "recover": "set a new password",
    "recover_with_code": "set a new password with a code to a proved channel",
    "end_sessions": "end every session and device",
    "end_credentials": "end password and passkeys",
    "end_links": "end links made since",
    "restore": "put back what was there before",
    "open_case": "have an officer look",
}


def lines() -> Iterator[str]:
    """The page, line by line."""
    yield from HEAD.splitlines()
    names: dict[trust.Channel, str] = {"sms": "phone number", "email": "e-mail address"}
    for channel, name in names.items():
        rows = {state: allowed for (kind, state), allowed in trust.TABLE.items() if kind == channel}
        yield f"## The {name}"
        yield ""
        yield "| | " + " | ".join(rows) + " |"
        yield "| --- |" + " --- |" * len(rows)
        for purpose, says in PURPOSES.items():
            cells = ("yes" if purpose in allowed else "" for allowed in rows.values())
            yield f"| `{purpose}`: {says} | " + " | ".join(cells) + " |"
        yield ""
        yield from (f"- **{state}**: {STATES[state]}." for state in rows)
        yield ""
    yield "## Proofs that are no channel"
    yield ""
    yield "| | " + " | ".join(POWERS.values()) + " |"
    yield "| --- |" + " --- |" * len(POWERS)
    for proof, says in PROOFS.items():
        cells = ("yes" if power in trust.POWERS[proof] else "" for power in POWERS)
        yield f"| `{proof}`: {says} | " + " | ".join(cells) + " |"


def page() -> str:
    """The whole page."""
    return "\n".join(line.rstrip() for line in lines()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
