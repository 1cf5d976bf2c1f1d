"""What a QR login is allowed to do, in a page: the model that the search explores and the implementation follows.

A ticket is (state, device, wrong numbers, intruded, who confirmed). `after` is the whole truth about one atomic step;
an interleaving is two halves of it, what was read and what is put in its place.
"""

from typing import NamedTuple

from qr_login.flow import WRONG_NUMBERS

PHONES = ("phone 0", "phone 1", "attacker")


class Ticket(NamedTuple):
    state: str = "pending"
    device: str = ""
    wrong: int = 0
    intruded: bool = False
    confirmed_by: str = ""


class Op(NamedTuple):
    who: str
    name: str


OPS = tuple(Op(phone, name) for phone in PHONES for name in ("scan", "stale", "confirm", "wrong", "deny"))
POLL = Op("browser 0", "poll")
TERMINAL = ("consumed", "denied")


def after(ticket: Ticket, op: Op, over: bool) -> tuple[Ticket, str]:
    """The ticket after `op`, and the answer; `over` when its life has ended."""
    if op.name == "poll":
        return _polled(ticket, over)
    if op.name not in ("scan", "stale"):
        if ticket.state == "pending" or not ticket.device:
            return ticket, "not_scanned"
        if ticket.device != op.who:
            return ticket, "other_device"
    if ticket.state in TERMINAL:
        return ticket, ticket.state
    if over:
        return ticket, "expired"
    return _moved(ticket, op)


def _moved(ticket: Ticket, op: Op) -> tuple[Ticket, str]:
    if op.name == "stale":
        return ticket, "stale"
    if op.name == "scan":
        if ticket.state == "pending":
            return ticket._replace(state="scanned", device=op.who), "ok"
        return ticket._replace(intruded=ticket.intruded or ticket.device != op.who), "already_scanned"
    if op.name == "deny":
        return ticket._replace(state="denied"), "ok"
    if ticket.state == "confirmed":
        return ticket, "confirmed"
    if op.name == "confirm":
        return ticket._replace(state="confirmed", confirmed_by=op.who), "ok"
    state = "denied" if ticket.wrong + 1 == WRONG_NUMBERS else ticket.state
    return ticket._replace(state=state, wrong=ticket.wrong + 1), "wrong_number"


def _polled(ticket: Ticket, over: bool) -> tuple[Ticket, str]:
    if ticket.state == "consumed":
        return ticket, "gone"
    if ticket.state == "denied":
        return ticket, "denied"
    if over:
        return ticket, "expired"
    if ticket.state == "confirmed":
        return ticket._replace(state="consumed"), "delivered"
    return ticket, ticket.state
