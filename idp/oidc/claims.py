"""Which claims a person has, and which of them a scope or a `claims` request releases (OIDC Core 5.1, 5.4, 5.5).

Protocol claims never come from here: a person's record must not overwrite `iss`, `aud` or `nonce`.
"""

from collections.abc import Collection, Mapping
from typing import Any

from idp.accounts import trust
from idp.accounts.account import Account
from idp.registration.divisions import divisions

BY_SCOPE: Mapping[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
    "bhxh": ("bhxh_number", "personal_id", "account_kind", "unit_code", "tax_code"),
}
SUPPORTED = tuple(name for names in BY_SCOPE.values() for name in names)
SCOPE_OF: Mapping[str, str] = {name: scope for scope, names in BY_SCOPE.items() for name in names}
"""The scope that a claim belongs to: the consent for a claim requested by name is the consent for its scope."""
LOGIN_FACTS = ("ial", "idp")
"""What an ID token says of the login with scope `bhxh`, or when the `claims` parameter names it."""
IN_ID_TOKEN = ("profile", "email")
"""Scopes whose claims an ID token carries for a client that is registered so; otherwise userinfo has them."""
_PROTOCOL = (
    "iss sub aud exp iat nbf jti nonce acr amr azp auth_time at_hash c_hash s_hash sid ial idp events cnf client_id"
)
RESERVED = frozenset([*_PROTOCOL.split(), "scope"])


def of_account(account: Account, now: float) -> dict[str, Any]:
    """Every claim that the record of `account` provides; members without a value are omitted (OIDC Core 5.3.2)."""
    verified = {contact.channel: contact.may("claim") for contact in trust.contacts(account, now)}
    known: dict[str, Any] = {
        "name": account.name,
        "birthdate": account.birth_date,
        "updated_at": int(account.updated_at),
        "email": account.email,
        "email_verified": verified.get("email"),
        "phone_number": account.phone,
        "phone_number_verified": verified.get("sms"),
        "address": _address(account),
        "bhxh_number": account.identifier("bhxh"),
        "personal_id": account.identifier("cccd"),
        "unit_code": account.identifier("unit"),
        "tax_code": account.identifier("tax"),
        "account_kind": account.kind,
    }
    # Extra imported values do not fill gaps in it either: "verified" would then refer to nothing.
    more = {name: value for name, value in account.more_claims.items() if name not in known}
    return {name: value for name, value in (known | more).items() if value is not None}


def _address(account: Account) -> dict[str, str] | None:
    """OIDC Core 5.1.1: commune and province by name if a desk registered them."""
    commune = divisions().commune(account.commune or "")
    province = divisions().current(account.province or "")
    parts = {
        "formatted": account.address,
        "street_address": account.street,
        "locality": commune and commune.name,
        "region": province and province.name,
    }
    return {name: value for name, value in parts.items() if value} or None


def let_out(
    account: Account, now: float, *, scopes: Collection[str], asked: Collection[str], allowed: Collection[str]
) -> dict[str, Any]:
    """The claims of `scopes`, and those `asked` for by name if they are covered by the client's `allowed` scopes."""
    names = {name for scope in scopes for name in BY_SCOPE.get(scope, ())}
    reachable = {name for scope in allowed for name in BY_SCOPE.get(scope, ())}
    wanted = names | (set(asked) & reachable)
    return {name: value for name, value in of_account(account, now).items() if name in wanted and name not in RESERVED}
