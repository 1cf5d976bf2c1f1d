"""Which identifiers a form gives an account: the code that it registers, and the identity paper with it."""

from idp.accounts import identifiers
from idp.accounts.account import Identifier, Kind
from idp.registration.declaration import Form


def identifiers_of(kind: Kind, form: Form, now: float) -> tuple[Identifier, ...]:
    """The identifiers valid from `now` on. An organisation is known only by its codes, not by a person's paper."""
    held: list[Identifier] = []
    named = identifiers.read(kind, form.code)
    if named:
        held.append(Identifier(named[0], named[1], now))
    if kind == "individual" and form.paper_number:
        held.append(Identifier(form.paper_kind, form.paper_number, now))
    # The card's number may be in both fields: since 2025 it is the insurance code as well.
    return tuple(dict.fromkeys(held))
