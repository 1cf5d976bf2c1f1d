"""`oidc-provider` for Node.js as an upstream: an OpenID Provider that none of us wrote, and how a person uses it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.support.browser import Browser, Page
from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.servers import program

FOREIGN = Path(__file__).parents[1] / "foreign"
CLIENT_ID = "bhxh-idp"
CLIENT_SECRET = "a secret/of ours+at the foreign:provider"


@dataclass(frozen=True)
class ForeignOp:
    """The provider while it runs."""

    issuer: str

    def rotate(self) -> str:
        """Give it a new signing key, which signs at once; gives its `kid`."""
        return self._control("rotate").decode()

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        counts: dict[str, int] = json.loads(self._control("counts"))
        return counts.get(path, 0)

    def _control(self, what: str) -> bytes:
        with urllib3.PoolManager() as pool:
            return pool.request("GET", f"{self.issuer}/control/{what}", timeout=10, retries=False).data


@contextlib.contextmanager
def foreign_op(home: Path, ours: str, people: Mapping[str, Mapping[str, Any]], **more: Any) -> Iterator[ForeignOp]:
    """Run it with us as its one client, whose pages are below the address `ours` (`http://…/via/foreign`)."""
    port = free_port()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{ours}/callback"],
        "post_logout_redirect_uris": [f"{ours}/logged-out"],
        **more.pop("client", {}),
    }
    told = {"port": port, "client": client, "people": people, **more}
    found = ForeignOp(f"http://localhost:{port}")

    def answers() -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            return found.asked("/") >= 0
        return False

    command = [program("node"), "provider.mjs", json.dumps(told)]
    with running(command, log=home / "foreign-op.log", answers=answers, directory=FOREIGN):
        yield found


def log_in_there(page: Page, person: str) -> Page:
    """Through its pages: log in where it asks for that, agree where it asks for that; ends where it sends us back."""
    if page.has("login"):
        page = page.fill("login", person).fill("password", "any will do").press("Sign-in")
    if page.has("Continue"):
        page = page.press("Continue")
    return page


def visitor(op: ForeignOp, *others: str) -> Browser:
    """A browser that follows redirects within the provider, and to the others."""
    return Browser(op.issuer, *others)
