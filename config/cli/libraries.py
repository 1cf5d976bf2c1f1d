"""Configurations of client libraries, filled in for one client: `idp clients add --for`, and pages of docs/portals.

Each is a file of `config/portals`: TOML between `+++` says what the library needs at registration, in names of
RFC 7591 and ours; the Markdown after it is the configuration, with `{{client_id}}` and the like where values go.
"""

import re
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.cli.context import stop

FOLDER = Path(__file__).parents[1] / "portals"
LIBRARIES = tuple(sorted(file.stem for file in FOLDER.glob("*.md")))
SCOPE = "openid profile bhxh"
EXAMPLE = {
    "issuer": "https://id.example.vn",
    "client_id": "c-0123456789abcdef",
    "client_secret": "the-secret-that-was-printed-once",
}
PAGE = """\
<!-- Generated from config/portals/{name}.md by tools/libraries.py; a test keeps it fresh. -->
# {title}

{tried}

```sh
{command}
```

prints what follows with issuer, client id, secret and addresses in their places.
{because}
{configuration}"""


@dataclass(frozen=True, slots=True)
class Library:
    """One file. `callback` is the redirect URI of the example, `client` what `--for` registers unless told otherwise.

    `tried` says what has been run with it, `because` why the library needs what it registers.
    """

    name: str
    title: str
    tried: str
    callback: str
    because: str
    client: Mapping[str, Any]
    text: str

    def metadata(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """What is registered: what was `chosen` on the command line goes before what the library needs."""
        if not chosen.get("redirect_uris"):
            stop([f"--for {self.name} needs --redirect-uri, for example {self.callback}"])
        method = chosen.get("token_endpoint_auth_method", "client_secret")
        if "{{client_secret}}" in self.text and not method.startswith("client_secret"):
            stop([f"--for {self.name} prints a secret, and {method} has none: leave one of them out"])
        home = f"{_origin(chosen['redirect_uris'][0])}/"
        return {"scope": SCOPE, "post_logout_redirect_uris": (home,), **self.client, **chosen}

    def configuration(self, metadata: Mapping[str, Any], secret: str | None, issuer: str) -> str:
        """The text for a client that was registered with this metadata. Raises `KeyError` for a value that none has."""
        back = metadata["redirect_uris"][0]
        values = {
            "issuer": issuer,
            "client_id": metadata["client_id"],
            "client_secret": secret or "",
            "scope": metadata["scope"],
            "redirect_uri": back,
            "post_logout_redirect_uri": "".join(metadata["post_logout_redirect_uris"][:1]),
            "origin": _origin(back),
            "callback": urlsplit(back).path,
        }
        return re.sub(r"\{\{(\w+)\}\}", lambda match: str(values[match[1]]), self.text)

    def page(self) -> str:
        """The page of docs/portals, with the values of an example."""
        command = f'idp clients add "Cổng của tôi" --for {self.name} \\\n'
        command += f'    --redirect-uri {self.callback} --reason "contract 7"'
        metadata = self.metadata({"client_id": EXAMPLE["client_id"], "redirect_uris": (self.callback,)})
        text = self.configuration(metadata, EXAMPLE["client_secret"], EXAMPLE["issuer"])
        facts = {"name": self.name, "title": self.title, "tried": self.tried}
        because = f"{textwrap.fill(self.because, 118, break_on_hyphens=False)}\n" if self.because else ""
        return PAGE.format(**facts, command=command, because=because, configuration=text)


def read_library(name: str) -> Library:
    """One of `LIBRARIES`."""
    _, facts, text = (FOLDER / f"{name}.md").read_text(encoding="utf-8").split("+++\n", 2)
    return Library(name, text=text.strip() + "\n", **({"because": "", "client": {}} | tomllib.loads(facts)))


def _origin(uri: str) -> str:
    """Scheme and host of whatever was typed; nothing has checked it yet."""
    return "/".join(uri.split("/")[:3])
