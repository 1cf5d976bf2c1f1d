"""Strict parsing of upstream input: the query of a returning browser, and the responses to our own requests."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote_plus, unquote, urlencode

from federation.connector import FailureKind, UpstreamFailed
from idp.outbound import Outbound, OutboundFailed, OutboundResponse
from keys.strict_json import strict_object

_LONGEST_QUERY = 8192
_MOST_PARAMETERS = 20
_LONGEST_TOKEN = 8192
_ERRORS: Mapping[str, FailureKind] = {
    "access_denied": "cancelled",
    "server_error": "unavailable",
    "temporarily_unavailable": "unavailable",
    "invalid_request": "misconfigured",
    "invalid_client": "misconfigured",
    "invalid_scope": "misconfigured",
    "unauthorized_client": "misconfigured",
    "unsupported_response_type": "misconfigured",
    "unsupported_grant_type": "misconfigured",
    "invalid_grant": "expired",
}


def parameters(query: str, *, plus_is_space: bool = True) -> dict[str, str]:
    """The parameters of a callback, each at most once. Raises `UpstreamFailed`.

    Without `plus_is_space` a `+` is kept, for upstreams that put plain base64 into a URL.
    """
    pieces = [piece for piece in query.split("&") if piece]
    if len(query) > _LONGEST_QUERY or len(pieces) > _MOST_PARAMETERS:
        raise UpstreamFailed("refused", "callback is too long")
    try:
        pairs = [tuple(_decoded(part, plus_is_space) for part in piece.partition("=")[::2]) for piece in pieces]
    except ValueError:
        raise UpstreamFailed("refused", "callback is not UTF-8") from None
    values: dict[str, str] = dict(pairs)  # type: ignore[arg-type]
    if len(values) != len(pairs):
        raise UpstreamFailed("refused", "callback has a parameter twice")
    return values


def _decoded(text: str, plus_is_space: bool) -> str:
    return unquote(text.replace("+", " ") if plus_is_space else text, errors="strict")


def code_of(values: Mapping[str, str]) -> str:
    """The code of a callback, unless it reports an error. Raises `UpstreamFailed`."""
    if "error" in values:
        fail(values["error"], "callback")
    code = values.get("code", "")
    if not is_token(code):
        raise UpstreamFailed("refused", "callback has no code")
    return code


def fail(error: object, where: str) -> NoReturn:
    """Raise for an OAuth error code; an unknown one is not repeated, as it could contain anything."""
    known = error if isinstance(error, str) and error in _ERRORS else None
    raise UpstreamFailed(_ERRORS[known] if known else "refused", f"{where}: {known or 'another error'}")


def is_token(value: object) -> bool:
    """Whether it is a string that can be a code or a token: visible ASCII, 1 to 8192 characters."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TOKEN and all("!" <= c <= "~" for c in value)


def basic(client_id: str, secret: str) -> str:
    """The `Authorization` of `client_secret_basic` (RFC 6749 section 2.3.1: both parts form-encoded)."""
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def with_query(address: str, **more: str) -> str:
    """A URL with parameters added to its existing ones."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(more)}"


def challenge(verifier: str) -> str:
    """The S256 code challenge (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def wished(table: Mapping[str, int], level: int) -> str:
    """`acr_values`: their names of our level and of higher ones, lowest first; none when no level is required."""
    fitting = sorted((ours, theirs) for theirs, ours in table.items() if ours >= level)
    return " ".join(theirs for _, theirs in fitting) if level > 1 else ""


def logout_address(address: str, client_id: str, hint: str, return_to: str, state: str) -> str | None:
    """Where RP-Initiated Logout 1.0 begins, or None when there is no such page."""
    if not address:
        return None
    asked = {"client_id": client_id, "post_logout_redirect_uri": return_to, "state": state}
    return with_query(address, **asked, **({"id_token_hint": hint} if hint else {}))


class UpstreamClient:
    """Requests documents from one upstream, all within one deadline, and parses the responses."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self.deadline = outbound.deadline()

    def token(self, address: str, form: Mapping[str, str], authorization: str | None = None) -> dict[str, Any]:
        """Redeem a code. Raises `UpstreamFailed`."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        headers |= {"Authorization": authorization} if authorization else {}
        try:
            answer = self._outbound.post(address, urlencode(form).encode(), headers, self.deadline)
        except OutboundFailed as error:
            raise UpstreamFailed("unavailable", f"token: {error}") from None
        if answer.status == 401:
            raise UpstreamFailed("misconfigured", "token: status 401")
        if answer.status == 400:
            fail(_document(answer, "token").get("error"), "token")
        return _good(answer, "token")

    def profile(self, address: str, access_token: str) -> dict[str, Any]:
        """Request the person's profile. Raises `UpstreamFailed`."""
        return self.document(address, "userinfo", {"Authorization": f"Bearer {access_token}"})

    def document(self, address: str, what: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object there. Raises `UpstreamFailed`."""
        return fetched(self._outbound, address, what, self.deadline, headers)


def fetched(
    outbound: Outbound, address: str, what: str, deadline: float, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The JSON object at an address of an upstream. Raises `UpstreamFailed`."""
    try:
        answer = outbound.get(address, {"Accept": "application/json", **(headers or {})}, deadline)
    except OutboundFailed as error:
        raise UpstreamFailed("unavailable", f"{what}: {error}") from None
    return _good(answer, what)


def reach(outbound: Outbound, address: str) -> None:
    """Check that a page of an upstream is reachable, whatever it shows. Raises `UpstreamFailed`."""
    try:
        status = outbound.status(address)
    except OutboundFailed as error:
        raise UpstreamFailed("unavailable", f"page: {error}") from None
    if status >= 500:
        raise UpstreamFailed("unavailable", f"page: status {status}")


def bearer(token_answer: Mapping[str, Any]) -> str:
    """The access token of a token response. Raises `UpstreamFailed`."""
    kind, access_token = token_answer.get("token_type"), token_answer.get("access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer" or not is_token(access_token):
        raise UpstreamFailed("refused", "token: no bearer token")
    return str(access_token)


def _good(answer: OutboundResponse, what: str) -> dict[str, Any]:
    if answer.status != 200:
        # A failing server, or a firewall in front of it, is not the same as one that refuses.
        kind: FailureKind = "refused" if answer.status in (401, 403) else "unavailable"
        raise UpstreamFailed(kind, f"{what}: status {answer.status}")
    return _document(answer, what)


def _document(answer: OutboundResponse, what: str) -> dict[str, Any]:
    """JSON that is declared as JSON; government firewalls answer with HTML pages and status 200."""
    if not (answer.content_type == "application/json" or answer.content_type.endswith("+json")):
        raise UpstreamFailed("unavailable", f"{what}: no JSON but a page")
    try:
        return strict_object(answer.body)
    except ValueError as error:
        raise UpstreamFailed("unavailable", f"{what}: {error}") from None
