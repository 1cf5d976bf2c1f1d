"""Where each program of the sandbox listens. `SANDBOX_PORT_OFFSET=100` moves all of them by a hundred."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent
HOST = "127.0.0.1"
PRIVATE_KEY, PUBLIC_KEY = "vneid-key.pem", "vneid-key.pub.pem"
"""In `records`: the key pair for VNeID, whose private half is the provider's. The public one is written last."""

_PROVIDER, _PORTAL, _INBOX, _VNEID, _DVCQG, _PHONE, _PENSION = 8000, 8001, 8002, 8003, 8004, 8005, 8007


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports, the address of the provider as its portals know it, and the folder that all of them share."""

    provider_port: int
    portal_port: int
    inbox_port: int
    provider: str
    data: Path

    @property
    def operations_port(self) -> int:
        """Where the provider tells operators whether it is ready."""
        return self.provider_port + 10

    @property
    def portal(self) -> str:
        return f"http://localhost:{self.portal_port}"

    @property
    def officers(self) -> str:
        """The officer console: the provider's port, on a host of its own."""
        return f"http://officers.localhost:{self.provider_port}"

    @property
    def inbox(self) -> str:
        return f"http://localhost:{self.inbox_port}"

    @property
    def vneid_port(self) -> int:
        """Where the simulated VNeID listens."""
        return self.inbox_port + 1

    @property
    def vneid(self) -> str:
        return f"http://localhost:{self.vneid_port}"

    @property
    def dvcqg_port(self) -> int:
        """Where the simulated national public service portal listens."""
        return self.inbox_port + 2

    @property
    def dvcqg(self) -> str:
        return f"http://localhost:{self.dvcqg_port}"

    @property
    def phone_port(self) -> int:
        """Where the simulated phone's app listens: another origin than the provider's."""
        return self.inbox_port + 3

    @property
    def phone(self) -> str:
        return f"http://localhost:{self.phone_port}"

    @property
    def sms_port(self) -> int:
        """Where the SMS gateway listens when it runs."""
        return self.inbox_port + 6

    @property
    def pension_port(self) -> int:
        """Where the second portal listens, of another office: a logout at one is seen at the other."""
        return self.portal_port + 6

    @property
    def pension(self) -> str:
        return f"http://localhost:{self.pension_port}"

    @property
    def messages(self) -> Path:
        """The folder into which the provider drops messages and from which the inbox reads them."""
        return self.data / "inbox"

    @property
    def logs(self) -> Path:
        """One log for each program."""
        return self.data / "logs"

    @property
    def records(self) -> Path:
        """What was loaded into the provider, as it was loaded."""
        return self.data / "sandbox"

    def at_home(self, text: str) -> str:
        """Text written for the usual ports, moved to these ones."""
        moved = {
            _PROVIDER: self.provider,
            _PORTAL: self.portal,
            _INBOX: self.inbox,
            _VNEID: self.vneid,
            _DVCQG: self.dvcqg,
            _PHONE: self.phone,
            _PENSION: self.pension,
        }
        # In one pass: an address that was moved to where another one usually is must not move again.
        return re.sub(r"http://localhost:(\d+)", lambda found: moved.get(int(found[1]), found[0]), text)


def from_environment() -> Addresses:
    """Read `SANDBOX_PORT_OFFSET`, `IDP_ISSUER` and `IDP_DATA_DIR`; all have a default."""
    offset = int(os.environ.get("SANDBOX_PORT_OFFSET", "0"))
    port = _PROVIDER + offset
    return Addresses(
        provider_port=port,
        portal_port=_PORTAL + offset,
        inbox_port=_INBOX + offset,
        provider=os.environ.get("IDP_ISSUER", f"http://localhost:{port}"),
        data=Path(os.environ.get("IDP_DATA_DIR", PROJECT / "data")).resolve(),
    )
