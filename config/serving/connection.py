"""One connection of gunicorn, with what our worker's loop knows of it."""

import socket
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn

from config.serving.inbox import Inbox


class Connection(TConn):  # type: ignore[misc]
    """A connection whose requests gunicorn reads from our inbox. `peer` is counted; None when it is not."""

    parser: Any

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, inbox: Inbox, peer: str | None) -> None:
        super().__init__(cfg, sock, client, server)
        self.inbox = inbox
        self.peer = peer
        self.address = client[0] if isinstance(client, tuple) else ""
        self.is_cheap = False
        self.data_ready = True
        self.is_leaving = False
        self.is_listened_to = False
        self.deadline = 0.0

    def init(self) -> None:
        if self.parser is None:
            self.initialized = True
            self.parser = http.get_parser(self.cfg, self.inbox, self.client)

    def close(self, graceful: bool = False) -> None:
        self.inbox.close()
        super().close()
