"""Rich authorization requests (RFC 9396): `authorization_details`, with one type: whose record, which years.

A scope opens a kind of data; a detail opens these years of this record and no others. The record is the person's own:
no store here says whose child or charge somebody is, so nobody can agree for another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error

from idp.oidc.clients import Client
from keys.strict_json import strict_array

RECORD_ACCESS = "bhxh_record_access"
TYPES = (RECORD_ACCESS,)
MEMBERS = ("type", "person", "from_year", "to_year")
FIRST_YEAR = 1995
"""The social insurance fund and its records begin here."""

LONGEST, MOST = 2048, 16
"""Characters of the parameter, and details in it; more years than these would not leave gaps to tell apart."""


class InvalidAuthorizationDetails(OAuth2Error):  # type: ignore[misc]
    """The details are malformed, of a type that the client has not, or more than was granted (RFC 9396, 5 and 6)."""

    error = "invalid_authorization_details"


@dataclass(frozen=True, slots=True, order=True)
class RecordAccess:
    """To see the person's own record of contributions of these calendar years, both included."""

    from_year: int
    to_year: int

    def includes(self, other: "RecordAccess") -> bool:
        """Whether `other` asks for none but these years."""
        return self.from_year <= other.from_year and other.to_year <= self.to_year


Details = tuple[RecordAccess, ...]
"""As `merged` leaves them."""


def read_details(text: str | None, client: Client, *, latest: int) -> Details:
    """What a request of this client asks for; nothing without the parameter. `latest` is the last year to ask for.

    Raises `InvalidAuthorizationDetails`.
    """
    if text is None:
        return ()
    if len(text) > LONGEST:
        raise InvalidAuthorizationDetails(f"'authorization_details' is longer than {LONGEST} characters.")
    try:
        asked = strict_array(text.encode(errors="surrogatepass"), deepest=2)
    except ValueError as error:
        raise InvalidAuthorizationDetails(f"'authorization_details' cannot be read: it {error}.") from None
    if not 1 <= len(asked) <= MOST:
        raise InvalidAuthorizationDetails(f"'authorization_details' holds 1 to {MOST} details.")
    return merged(_read(detail, client, latest) for detail in asked)


def _read(detail: object, client: Client, latest: int) -> RecordAccess:
    """One detail, all of whose members are known (RFC 9396, 5). Raises `InvalidAuthorizationDetails`."""
    if not isinstance(detail, dict) or detail.get("type") not in client.authorization_details_types:
        raise InvalidAuthorizationDetails("A detail is an object of a type that is registered for this client.")
    if set(detail) != set(MEMBERS):
        raise InvalidAuthorizationDetails(f"A detail of this type has {', '.join(MEMBERS)}, and no other member.")
    if detail["person"] != "self":
        raise InvalidAuthorizationDetails("'person' may be self: people give out their own record, and no other.")
    first, last = detail["from_year"], detail["to_year"]
    if not (type(first) is int and type(last) is int and FIRST_YEAR <= first <= last <= latest):
        raise InvalidAuthorizationDetails(f"'from_year' and 'to_year' are {FIRST_YEAR} to {latest}, in this order.")
    return RecordAccess(first, last)


def merged(details: Iterable[RecordAccess]) -> Details:
    """The same years in as few ranges as possible, in their order: what is told, compared and stored."""
    ranges: list[RecordAccess] = []
    for one in sorted(details):
        if ranges and one.from_year <= ranges[-1].to_year + 1:
            one = RecordAccess(ranges[-1].from_year, max(ranges.pop().to_year, one.to_year))
        ranges.append(one)
    return tuple(ranges)


def is_within(asked: Details, granted: Details) -> bool:
    """Whether nothing is asked that was not granted."""
    return all(any(wide.includes(one) for wide in granted) for one in asked)


def narrowed(granted: Details, text: str | None, client: Client) -> Details:
    """What a token gets of what was granted: all of it, or the part that its request names (RFC 9396, 6).

    Raises `InvalidAuthorizationDetails`.
    """
    if text is None:
        return granted
    if not granted:
        raise InvalidAuthorizationDetails("No authorization details were granted.")
    asked = read_details(text, client, latest=granted[-1].to_year)
    if not is_within(asked, granted):
        raise InvalidAuthorizationDetails("More is asked for than was granted.")
    return asked


def as_json(details: Details) -> list[dict[str, Any]]:
    """The form in which clients, services and the store see them (RFC 9396, 7 and 9)."""
    return [dict(zip(MEMBERS, (RECORD_ACCESS, "self", d.from_year, d.to_year), strict=True)) for d in details]


def from_json(members: Sequence[Mapping[str, Any]]) -> Details:
    """What `as_json` wrote."""
    return tuple(RecordAccess(each["from_year"], each["to_year"]) for each in members)
