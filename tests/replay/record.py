"""One section of the record: a flow with the messages and audit events that it leaves, or a part of the surface."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idp.messages.message import Channel, Message
from tests.replay.flows import FLOWS
from tests.replay.surface import SURFACE
from tests.replay.transcript import Transcript, compact
from tests.support.app import App, running_app
from tests.support.brokered import brokered
from tests.support.officers import running_desk
from tests.support.upstreams import simulated

RECORDED = Path(__file__).with_name("recorded.txt")
CHANNELS: tuple[Channel, ...] = ("sms", "email", "portal")


def sections() -> list[str]:
    """The names of all sections, in the order of the file."""
    return sorted([*FLOWS, *SURFACE])


def recorded() -> dict[str, str]:
    """The sections of the file."""
    parts = RECORDED.read_text(encoding="utf-8").split("=== ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


@contextmanager
def opened(name: str, home: Path, database_url: str) -> Iterator[App]:
    """The application that a section needs."""
    if name == "upstreams":
        with simulated(home) as world, brokered(home, database_url, world) as here:
            world.wish("vneid", settings={"code_seconds": 60})
            here.app.upstreams = world  # type: ignore[attr-defined]
            yield here.app
    elif name == "officers":
        with running_desk(home, database_url) as desk:
            yield desk.app
    else:
        with running_app(home, database_url) as app:
            app.client()
            app.person("0000000001")
            yield app


def record(name: str, app: App) -> str:
    """The section as the application writes it now."""
    if name in SURFACE:
        return "".join(f"{line}\n" for line in SURFACE[name](app))
    app.wsgi = transcript = Transcript(app.wsgi)
    transcript.names.now = app.clock() if name == "upstreams" else None
    looked, started = app.told, app.clock()

    def told(channel: Channel) -> list[Message]:
        messages = looked(channel)
        for message in messages:
            facts = transcript.names.typed(compact(dict(message.facts)))
            transcript.note(f"sent: {_sent(message, started)} {facts}")
        return messages

    app.told = told  # type: ignore[method-assign]
    FLOWS[name](app)
    for channel in CHANNELS:
        app.told(channel)
    transcript.lines += [f"event: {transcript.names.clean(event)}" for event in _events(app)]
    return "\n".join(transcript.lines) + "\n"


def _sent(message: Message, started: float) -> str:
    until = round(message.good_until - started)
    return f"{message.channel} {message.template} {message.language} +{until} s"


def _events(app: App) -> Iterator[str]:
    with app.base.database.autocommit.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, client_id, facts FROM audit ORDER BY id").all()
    for name, client_id, facts in rows:
        if not name.startswith("key."):
            yield f"{name} {client_id} {compact(json.loads(facts))}"
