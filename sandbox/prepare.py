"""`python -m sandbox prepare`: migrate the database, and load what is new or has changed, in one process.

The `idp` commands run as an operator would type them; importing the provider for each takes longer than what they do.
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Sequence

from config.cli.main import main as idp
from sandbox.addresses import HERE, Addresses

_LOADED = {
    "people.json": ("accounts", "load"),
    "clients.json": ("clients", "load"),
    "participants.csv": ("participants", "import"),
    "agencies.csv": ("agencies", "import"),
    "officers.json": ("officers", "load"),
}


def run(where: Addresses) -> None:
    """Bring the data up to date. Ends the process as the first command that fails would end its own."""
    is_new = json.loads(_idp(["db", "upgrade", "--json"]))["before"] is None
    texts = {name: where.at_home((HERE / name).read_text(encoding="utf-8")) for name in _LOADED}
    # Of what was loaded and into which database: a start that finds it again has nothing to load.
    wanted = "\0".join([os.environ.get("IDP_STORE__DATABASE_URL", ""), *texts.values()])
    fingerprint = hashlib.sha256(wanted.encode()).hexdigest()
    stamp = where.records / "loaded"
    if not is_new and stamp.is_file() and stamp.read_text() == fingerprint:
        return
    for name, words in _LOADED.items():
        file = where.records / name
        file.write_text(texts[name], encoding="utf-8")
        _idp([*words, str(file), "--reason", "sandbox"])
    stamp.write_text(fingerprint)


def _idp(words: Sequence[str]) -> str:
    """Run one command; gives what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        idp(words, standalone_mode=False)
    return printed.getvalue()
