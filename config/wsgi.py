"""The application for a server that imports it: `config.wsgi:app`, built once per worker process."""

import os
from typing import Any

from config import logging as our_logging
from config.app import create_app
from config.container import Container
from config.loading import load

# What the container imports by need: servers import this module before they fork, so workers share all of it.
from config.rooms import officers, oidc  # noqa: F401
from config.rooms.qr_login import drawing_of
from config.settings import Settings
from config.stores import Stores
from idp.http.gateway import Gateway
from idp.http.metrics import Metrics


def draw_shared(settings: Settings) -> None:
    """Draw what all workers show, before they are forked: it takes half a second of CPU, once for all of them."""
    if settings.qr.enabled:
        drawing_of(settings.qr_link).warm()


def build_app() -> Gateway:
    """Read the settings, connect everything, and start the housekeeping of this process."""
    settings = load()
    our_logging.set_up(debug=settings.debug)
    shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    return create_app(Container(Stores(settings)), Metrics(shared=shared))


def __getattr__(name: str) -> Any:
    """Build `app` when a server first asks for it, not at import."""
    if name == "app":
        return build_app()
    raise AttributeError(name)
