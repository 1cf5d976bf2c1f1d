"""`SignedIn`: the live session of a browser, for every page that needs it."""

from idp.login.sessions import Sessions, session_digest
from idp.oidc.gate import GrantState
from idp.oidc.issuing import GrantStates


class SignedIn:
    """Finds the grant state of a session cookie."""

    def __init__(self, grant_states: GrantStates, sessions: Sessions) -> None:
        self.grant_states = grant_states
        self.sessions = sessions

    def session(self, cookie: str | None) -> GrantState | None:
        """The state of a live session, even when its account was closed: it may still be ended."""
        if not cookie:
            return None
        grant_state = self.grant_states.of_session(session_digest(cookie), "")
        if grant_state.session is None or not self.sessions.is_live(grant_state.session, grant_state.epoch):
            return None
        return grant_state

    def person(self, cookie: str | None) -> GrantState | None:
        """The state of a live session whose account may act."""
        grant_state = self.session(cookie)
        return grant_state if grant_state and grant_state.account and grant_state.account.is_active else None
