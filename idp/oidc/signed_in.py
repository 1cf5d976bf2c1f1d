"""`SignedIn`: whose live session a browser carries, for every page that asks."""

from idp.login.sessions import Sessions, session_digest
from idp.oidc.gate import Standing
from idp.oidc.issuing import Standings


class SignedIn:
    """Finds the standing of a session cookie."""

    def __init__(self, standings: Standings, sessions: Sessions) -> None:
        self._standings = standings
        self._sessions = sessions

    def session(self, cookie: str | None) -> Standing | None:
        """The standing of a live session, also when its account was closed: it may still be ended."""
        if not cookie:
            return None
        standing = self._standings.of_session(session_digest(cookie), "")
        if standing.session is None or not self._sessions.is_live(standing.session, standing.epoch):
            return None
        return standing

    def person(self, cookie: str | None) -> Standing | None:
        """The standing of a live session whose account may act."""
        standing = self.session(cookie)
        return standing if standing and standing.account and standing.account.is_active else None
