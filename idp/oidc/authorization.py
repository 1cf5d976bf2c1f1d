"""The authorization request, read as an explicit list of small checks (RFC 6749 4.1.1, OIDC Core 3.1.2.1).

`read_request` runs on every entry to `/authorize`. Until client and redirect URI are verified an error is *displayed*,
never redirected; after that it is an Authlib error that goes back to the client with `state` and `iss`.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, OAuth2Error, UnauthorizedClientError
from authlib.oauth2.rfc6749.errors import UnsupportedResponseTypeError

from idp.dates import local_day
from idp.errors import BadRedirectUri, BadRequest
from idp.login.authentication import acr_level
from idp.oidc.authorization_details import Details, read_details
from idp.oidc.claims import BY_SCOPE, LOGIN_FACTS, SCOPE_OF
from idp.oidc.clients import SCOPES, Client, Clients
from idp.oidc.dpop import is_thumbprint

HIGHEST_ACR = 2
"""Password and a code to the registered phone; biometrics come with other login methods."""

MOST_PARAMS = 40
LONGEST_VALUE = 2048
LONGEST_REQUEST = 8192
PROMPTS = ("none", "login", "consent", "select_account")
PLAIN_MODES = ("query", "fragment", "form_post")
RESPONSE_MODES = (*PLAIN_MODES, "jwt", *(f"{mode}.jwt" for mode in PLAIN_MODES))
"""As parameters, or as one signed parameter (JARM 2.3)."""

DISPLAYED_LANGUAGES = ("vi", "en")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")

Params = tuple[tuple[str, str], ...]


class UnmetRequirements(OAuth2Error):  # type: ignore[misc]
    """An essential `acr` cannot be met (OpenID Connect Core Unmet Authentication Requirements 1.0)."""

    error = "unmet_authentication_requirements"


class InvalidTarget(OAuth2Error):  # type: ignore[misc]
    """The resource is unknown or not registered for this client (RFC 8707, 2)."""

    error = "invalid_target"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that passed every check. `claims` holds the requested names per place.

    `acr` is the level that the login must reach, `wished_acr` the level that `acr_values` prefers. If `dpop_jkt` is
    set, only that key can redeem the code. `details` go beyond the scopes (RFC 9396).
    """

    client: Client
    redirect_uri: str
    response_mode: str = "query"
    state: str | None = None
    scopes: tuple[str, ...] = ()
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    ui_language: str | None = None
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subject: str | None = None
    resource: str | None = None
    details: Details = ()
    dpop_jkt: str = ""
    acr: int = 1
    wished_acr: int = 1

    @property
    def is_posted(self) -> bool:
        """Whether the browser posts the response to the client."""
        return self.response_mode.startswith("form_post")

    @property
    def shared(self) -> tuple[str, ...]:
        """What the person is asked to share: the scopes, and those of claims requested by name."""
        named = (SCOPE_OF[name] for names in self.claims.values() for name in names if name in SCOPE_OF)
        return tuple(dict.fromkeys([*self.scopes, *named]))


class RedirectedError(Exception):
    """A protocol error that may go back to the client: redirect URI and client are verified."""

    def __init__(self, error: OAuth2Error, request: AuthorizationRequest) -> None:
        super().__init__(error.error)
        self.error = error
        self.request = request


def read_request(params: Params, clients: Clients) -> AuthorizationRequest:
    """Check `params` in order. Raises `UnknownClient`, `BadRedirectUri`, `BadRequest`, `RedirectedError`."""
    _bounded(params)
    values = dict(params)
    target = _proven_target(values, params, clients)
    fields: Fields = {}
    try:
        if len(values) < len(params):
            raise InvalidRequestError("A parameter is given more than once.")
        for check in CHECKS:
            fields |= check(target, values)
        fields["scopes"] = read_scopes(target.client, values.get("scope", ""), clients.known_scopes)
        this_year = local_day(clients.clock()).year
        fields["details"] = read_details(values.get("authorization_details"), target.client, latest=this_year)
    except OAuth2Error as error:
        raise RedirectedError(error, target) from None
    return replace(target, **fields)


class Extension(Protocol):
    """Another way to say what is asked: parameters that stand for others, as of RFC 9126 and RFC 9101."""

    def unfold(self, client: Client, values: Mapping[str, str], network: str) -> Params | None:
        """The parameters that `values` stand for; None if they stand for themselves.

        `network` is where the browser is. Raises `OAuth2Error`, also for a client that has to ask this way and did
        not, and `UserError`.
        """
        ...


def unfolded(params: Params, clients: Clients, extensions: Sequence[Extension], network: str) -> Params:
    """The parameters of a new request in plain: those of the first extension that it uses, and no others.

    Raises `UserError`, and `RedirectedError` if the parameters around prove where the error may go.
    """
    _bounded(params)
    values = dict(params)
    if any(_again(params, name) for name in ("client_id", "request", "request_uri")):
        raise BadRequest("client_id, request or request_uri is given twice")
    client = clients.usable(values.get("client_id", ""))
    try:
        for extension in extensions:
            inner = extension.unfold(client, values, network)
            if inner is not None:
                return inner
    except OAuth2Error as error:
        if "redirect_uri" not in values:
            raise BadRequest(f"client {client.client_id}: {error.error}, {error.description}") from None
        raise RedirectedError(error, _proven_target(values, params, clients)) from None
    return params


def _again(params: Params, name: str) -> bool:
    return sum(1 for other, _ in params if other == name) > 1


def _bounded(params: Params) -> None:
    size = sum(len(name) + len(value) for name, value in params)
    if (
        len(params) > MOST_PARAMS
        or size > LONGEST_REQUEST
        or any(len(v) > LONGEST_VALUE for n, v in params if n != "request")
    ):
        raise BadRequest("authorization request is too long")


def _proven_target(values: Mapping[str, str], params: Params, clients: Clients) -> AuthorizationRequest:
    """Verify client and redirect URI, before anything may be redirected (RFC 9700, 4.11.2)."""
    if _again(params, "client_id") or _again(params, "redirect_uri"):
        raise BadRequest("client_id or redirect_uri is given twice")
    client = clients.usable(values.get("client_id", ""))
    redirect_uri = values.get("redirect_uri", "")
    if not client.check_redirect_uri(redirect_uri):
        raise BadRedirectUri(f"client {client.client_id}: {redirect_uri[:300]!r}")
    state = values.get("state")
    mode = values.get("response_mode", "query")
    # With a code "jwt" is short for "query.jwt".
    mode = "query.jwt" if mode == "jwt" else mode
    return AuthorizationRequest(client, redirect_uri, mode if mode in RESPONSE_MODES else "query", state)


Fields = dict[str, Any]
Check = Callable[[AuthorizationRequest, Mapping[str, str]], Fields]
"""Judges some parameters; returns the fields of the request that they set. What it gets is the proven target."""


def _response(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    if "response_type" not in values:
        raise InvalidRequestError("Missing 'response_type'.")
    if values["response_type"] != "code":
        raise UnsupportedResponseTypeError(values["response_type"], "Only response_type 'code' is supported.")
    if values.get("response_mode", "query") not in RESPONSE_MODES:
        raise InvalidRequestError("Unknown 'response_mode'.")
    if target.is_posted and not target.redirect_uri.startswith(("https://", "http://")):
        raise InvalidRequestError("'form_post' needs an http(s) redirect URI.")
    if not target.client.check_grant_type("authorization_code"):
        raise UnauthorizedClientError("The client may not use the code flow.")
    return {}


def read_scopes(client: Client, text: str, known: Collection[str]) -> tuple[str, ...]:
    """What to ask the person for: `openid` and scopes of the client. Raises `InvalidScopeError`.

    A scope that is not among the `known` ones is ignored (OIDC Core 3.1.2.1, 5.4): libraries ask for some by default.
    One that is known, and not for people of this client, is refused: nobody goes on without what they count on.
    """
    asked = tuple(dict.fromkeys(text.split()))
    if "openid" not in asked:
        raise InvalidScopeError("Scope 'openid' is missing.")
    registered = set(client.scopes) & set(SCOPES)
    for scope in asked:
        if scope in known and scope not in registered:
            raise InvalidScopeError(f"Scope '{scope}' is not registered for people of this client.")
    if not client.check_grant_type("refresh_token"):
        registered.discard("offline_access")
    return tuple(scope for scope in asked if scope in registered)


def _pkce(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    """S256 is required; a confidential client may be registered to omit PKCE, never to use `plain`."""
    challenge, method = values.get("code_challenge"), values.get("code_challenge_method")
    if challenge is None and method is None and not target.client.require_pkce:
        return {}
    if challenge is None or method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("PKCE with code_challenge_method=S256 is required.")
    return {"code_challenge": challenge}


def _opaque(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    for name in ("state", "nonce"):
        if not _PRINTABLE.fullmatch(values.get(name, "")):
            raise InvalidRequestError(f"'{name}' may hold printable ASCII only.")
    return {"nonce": values.get("nonce")}


def _prompt(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    prompt = tuple(dict.fromkeys(values.get("prompt", "").split()))
    if not set(prompt) <= set(PROMPTS):
        raise InvalidRequestError("Unknown 'prompt'.")
    if "none" in prompt and len(prompt) > 1:
        raise InvalidRequestError("prompt 'none' stands alone.")
    return {"prompt": prompt}


def _max_age(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    text = values.get("max_age")
    if text is None:
        return {}
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise InvalidRequestError("'max_age' is a number of seconds.")
    return {"max_age": int(text)}


def _hints(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    languages = [tag.split("-")[0].lower() for tag in values.get("ui_locales", "").split()]
    language = next((tag for tag in languages if tag in DISPLAYED_LANGUAGES), None)
    return {
        "login_hint": values.get("login_hint", "")[:64] or None,
        "id_token_hint": values.get("id_token_hint"),
        "ui_language": language,
    }


def _claims(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    """The `claims` parameter (OIDC Core 5.5): requested names, and a required `sub`; other values are voluntary."""
    text = values.get("claims")
    if text is None:
        return {}
    wanted = _json_object(text)
    places = {place: _members(wanted, place) for place in ("userinfo", "id_token")}
    subject = (places["id_token"].get("sub") or {}).get("value")
    reachable = {name for scope in target.client.scopes for name in BY_SCOPE.get(scope, ())}
    allowed = {"userinfo": reachable, "id_token": reachable | set(LOGIN_FACTS)}
    names = {place: tuple(name for name in members if name in allowed[place]) for place, members in places.items()}
    acr = _essential_acr(places["id_token"].get("acr") or {})
    return {"claims": names, "subject": subject if isinstance(subject, str) else None, "acr": acr}


def _essential_acr(asked: Mapping[str, Any]) -> int:
    """The level that an essential `acr` requires; one that no login here reaches fails (OIDC Core 5.5.1.1)."""
    values = asked.get("values") if isinstance(asked.get("values"), list) else [asked.get("value")]
    wanted = [value for value in values or [] if isinstance(value, str)]
    if asked.get("essential") is not True or not wanted:
        return 1
    level = _lowest_reachable(wanted)
    if level is None:
        raise UnmetRequirements("The requested acr cannot be reached.")
    return level


def _acr_values(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    """`acr_values` is a preference (OIDC Core 3.1.2.1): the lowest level of those named that a login here can reach."""
    return {"wished_acr": _lowest_reachable(values.get("acr_values", "").split()) or 1}


def _lowest_reachable(names: Sequence[str]) -> int | None:
    levels = [level for name in names if (level := acr_level(name)) and level <= HIGHEST_ACR]
    return min(levels, default=None)


def _json_object(text: str) -> dict[str, Any]:
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise InvalidRequestError("'claims' is no JSON object.")
    return wanted


def _members(wanted: Mapping[str, Any], place: str) -> dict[str, dict[str, Any]]:
    members = {} if wanted.get(place) is None else wanted[place]
    if not isinstance(members, dict) or not all(value is None or isinstance(value, dict) for value in members.values()):
        raise InvalidRequestError(f"'claims.{place}' is no object of claim requests.")
    return {name: value or {} for name, value in members.items()}


def _resource(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    """One audience per token (RFC 9700, 2.3), and only one that is registered for the client (RFC 8707)."""
    resource = values.get("resource")
    if resource is not None and resource not in target.client.resource:
        raise InvalidTarget("The resource is not registered for this client.")
    return {"resource": resource}


def _dpop_jkt(target: AuthorizationRequest, values: Mapping[str, str]) -> Fields:
    """The key that the code is bound to, if the client names one (RFC 9449, 10)."""
    jkt = values.get("dpop_jkt")
    if jkt is not None and not is_thumbprint(jkt):
        raise InvalidRequestError("'dpop_jkt' is the SHA-256 thumbprint of a key.")
    return {"dpop_jkt": jkt or ""}


CHECKS: tuple[Check, ...] = (
    *(_response, _opaque, _pkce, _prompt, _max_age, _hints, _acr_values, _claims, _resource, _dpop_jkt),
)
