"""`/end_session` and `/logout`: RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).

A client that sends an ID token of this very session is trusted, and the session ends at once; in every other case the
person is asked. The browser returns only to an address registered for the client in the hint. The last page shows which
portals were notified, and which could not be.
"""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.ephemeral_records import EphemeralRecords
from idp.errors import BadRedirectUri, BadRequest
from idp.http.forms import single
from idp.http.headers import page_policy
from idp.login.sessions import Session
from idp.oidc.back_channel import TRIED_FOR
from idp.oidc.clients import Client, Clients
from idp.oidc.gate import GrantState
from idp.oidc.issuing import Issuing
from idp.oidc.signed_in import SignedIn
from idp.ports import WaysIn
from idp.web.authorize import origin_of
from idp.web.browser import Browser, WebContext, csrf_of, demand_csrf, this_browser, with_query
from idp.web.page import Endpoint, Page
from keys.signing import BadToken


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """Where to go after the logout, verified to belong to the client; and the session, once it has ended.

    `go_on` is the address of the last page, while the browser ends its session at an upstream. `stays` says that a
    return was asked for and nobody said by which client, so there is none.
    """

    client_id: str | None = None
    return_uri: str | None = None
    sid: str | None = None
    go_on: str = ""
    stays: bool = False


NOTHING_WANTED = LogoutRequest()
STAYS = "no-return"


class LogoutRules:
    """What both pages need."""

    def __init__(
        self,
        context: WebContext,
        clients: Clients,
        issuing: Issuing,
        signed_in: SignedIn,
        records: EphemeralRecords[LogoutRequest],
        ways: WaysIn,
    ) -> None:
        self.ways = ways
        self.context = context
        self.clients = clients
        self.tokens = issuing.tokens
        self.sessions = signed_in.sessions
        self._signed_in = signed_in
        self.records = records
        self.members = issuing.members

    def grant_state(self, browser: Browser) -> GrantState:
        """The live session of this browser, if any."""
        return self._signed_in.session(browser.session) or GrantState()

    def hint(self, text: str | None) -> dict[str, Any]:
        """The claims of a genuine ID token of ours, expired or not; empty without one. Raises `BadRequest`."""
        if not text:
            return {}
        try:
            return dict(self.tokens.read_hint(text))
        except BadToken as error:
            raise BadRequest(f"id_token_hint: {error}") from None

    def finish(self, browser: Browser, session: Session | None, wanted: LogoutRequest) -> Response:
        """End the session, clear the browser's data and redirect it."""
        if session:
            self.sessions.end(session)
        target = wanted.return_uri or self.signed_out(session, wanted)
        response = redirect(self._through_upstream(session, target) or target, 303)
        if browser.session:
            self.context.cookies.drop(response, "s")
            # Not "cookies": the known device is not part of the session and keeps its own count.
            response.headers["Clear-Site-Data"] = '"storage"'
        return response

    def after(self, session: Session) -> str:
        """Where the browser goes after its own session was ended at `/account`."""
        target = self.signed_out(session)
        return self._through_upstream(session, target) or target

    def upstream_origin(self, session: Session) -> str | None:
        """The origin outside our pages that the logout form may lead to."""
        url = self._way_out(session, "")
        return origin_of(url) if url else None

    def _through_upstream(self, session: Session | None, target: str) -> str | None:
        """The logout of the upstream that the session came through; it returns here and then goes to `target`.

        Without it, the next user of this machine would be logged in there as the person before.
        """
        if session is None or session.authentication.through == "password":
            return None
        return self._way_out(session, self.records.add(LogoutRequest(go_on=target)))

    def _way_out(self, session: Session, state: str) -> str | None:
        proof = session.authentication
        if proof.through == "password":
            return None
        return self.ways.out(proof.through, proof.account_id, proof.auth_time, state)

    def wanted(self, handle: str | None) -> LogoutRequest:
        """What was stored for this browser, if it is still there."""
        return (self.records.find(handle) if handle else None) or NOTHING_WANTED

    def signed_out(self, session: Session | None, wanted: LogoutRequest = NOTHING_WANTED) -> str:
        """The address of the last page, which lists the portals of a session that has just ended."""
        if session is None or not self.members.clients_of(session.sid):
            return with_query("/logged-out", client_id=wanted.client_id, why=STAYS if wanted.stays else None)
        ended = replace(wanted, sid=session.sid)
        return with_query("/logged-out", request=self.records.add(ended, life=TRIED_FOR))


class EndSession(Endpoint):
    """The logout endpoint that clients send browsers to."""

    def __init__(self, rules: LogoutRules) -> None:
        self._rules = rules

    def dispatch_request(self) -> Response:
        browser = this_browser(self._rules.context)
        pairs = browser.params()
        if browser.came_without_cookies():
            return redirect(with_query("/end_session", **single(pairs)), 303)
        params = single(pairs)
        hint = self._rules.hint(params.get("id_token_hint"))
        client = self._client(params.get("client_id"), hint)
        wanted = _wanted(params, client)
        session = self._rules.grant_state(browser).session
        if session is None or self._proves(hint, session, client):
            return self._rules.finish(browser, session, wanted)
        languages = params.get("ui_locales", "").split()
        language = languages[0][:2] if languages and languages[0][:2] in ("vi", "en") else None
        handle = self._rules.records.add(wanted)
        return redirect(with_query("/logout", request=handle, lang=language), 303)

    def _client(self, client_id: str | None, hint: dict[str, Any]) -> Client | None:
        audience = hint.get("aud")
        if client_id is not None and audience is not None and client_id != audience:
            raise BadRequest("client_id and id_token_hint name different clients")
        client = self._rules.clients.find(client_id or audience)
        if client_id is not None and client is None:
            raise BadRequest("unknown client_id")
        return client

    def _proves(self, hint: dict[str, Any], session: Session, client: Client | None) -> bool:
        """Whether the hint is an unexpired ID token of this very session and person."""
        if client is None or hint.get("sid") != session.sid or self._rules.tokens.has_expired(hint):
            return False
        return self._rules.tokens.hinted_account(hint, client) == session.account_id


class LogoutPage(Page):
    """Asks the question, and takes the answer."""

    def __init__(self, rules: LogoutRules) -> None:
        self._rules = rules

    def get(self) -> Response:
        browser = this_browser(self._rules.context)
        handle = browser.query.get("request", "")
        wanted = self._rules.wanted(handle)
        grant_state = self._rules.grant_state(browser)
        if grant_state.session is None or grant_state.account is None or browser.session is None:
            return self._rules.finish(browser, None, wanted)
        client = self._rules.clients.find(wanted.client_id)
        body = render_template(
            "logout.html",
            client_name=client.client_name if client else None,
            account_name=grant_state.account.name,
            stays=wanted.stays,
            token=csrf_of(browser.session),
            request=handle,
        )
        response = Response(body, mimetype="text/html")
        targets = [origin_of(wanted.return_uri)] if wanted.return_uri else []
        upstream = self._rules.upstream_origin(grant_state.session)
        response.headers["Content-Security-Policy"] = page_policy(targets + ([upstream] if upstream else []))
        return response

    def post(self) -> Response:
        browser = this_browser(self._rules.context)
        demand_csrf(browser)
        session = self._rules.grant_state(browser).session
        return self._rules.finish(browser, session, self._rules.wanted(browser.form.get("request")))


class BackFromUpstream(Page):
    """The browser also ended its session at an upstream, and continues to the target of the logout."""

    def __init__(self, rules: LogoutRules) -> None:
        self._rules = rules

    def get(self, upstream_id: str) -> Response:
        handle = this_browser(self._rules.context).query.get("state", "")
        return redirect(self._rules.wanted(handle).go_on or "/logged-out", 303)


class LoggedOut(Page):
    """Shows that the person is logged out, and from which portals."""

    def __init__(self, rules: LogoutRules) -> None:
        self._rules = rules

    def get(self) -> Response:
        query = this_browser(self._rules.context).query
        handle = query.get("request")
        wanted = self._rules.wanted(handle)
        client = self._rules.clients.find(wanted.client_id or query.get("client_id"))
        name, uri = (client.client_name, client.client_uri) if client else (None, None)
        portals = self._portals(wanted.sid) if wanted.sid else []
        body = render_template(
            "logged_out.html",
            client_name=name,
            return_url=uri,
            portals=portals,
            again=with_query("", request=handle),
            stays=wanted.stays or query.get("why") == STAYS,
        )
        return Response(body, mimetype="text/html")

    def _portals(self, sid: str) -> list[dict[str, str | None]]:
        portals = [
            (self._rules.clients.find(each.client_id), each.outcome) for each in self._rules.members.clients_of(sid)
        ]
        return [
            {"name": client.client_name, "url": client.client_uri, "outcome": outcome}
            for client, outcome in portals
            if client
        ]


def _wanted(params: dict[str, str], client: Client | None) -> LogoutRequest:
    """What a client asks for; of nobody in particular only the logout is taken (RP-Initiated Logout 1.0, 3)."""
    if client is None:
        return LogoutRequest(stays="post_logout_redirect_uri" in params)
    return LogoutRequest(client.client_id, _return_uri(params, client))


def _return_uri(params: dict[str, str], client: Client) -> str | None:
    """The registered address to return to, with `state`. Raises `BadRedirectUri`, without any redirect."""
    uri = params.get("post_logout_redirect_uri")
    if uri is None:
        return None
    if uri not in client.post_logout_redirect_uris:
        raise BadRedirectUri(f"post_logout_redirect_uri {uri[:300]!r}")
    if "state" not in params:
        return uri
    parts = urlsplit(uri)
    state = urlencode({"state": params["state"]})
    return urlunsplit(parts._replace(query=f"{parts.query}&{state}" if parts.query else state))
