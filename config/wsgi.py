"""The application for a server that imports it: `config.wsgi:app`, built once per worker process."""

import os
from typing import Any

from config import logging as our_logging
from config.app import create_app
from config.settings import load
from config.stores import open_stores
from config.wiring import build_provider
from idp.web.gateway import Gateway
from idp.web.metrics import Metrics


def build_app() -> Gateway:
    """Read the settings, wire everything, and start the housekeeping of this process."""
    settings = load()
    our_logging.set_up(debug=settings.debug)
    shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    return create_app(build_provider(open_stores(settings)), Metrics(shared=shared))


def __getattr__(name: str) -> Any:
    """Build `app` when a server first asks for it, not at import."""
    if name == "app":
        return build_app()
    raise AttributeError(name)
