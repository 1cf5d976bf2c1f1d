"""The application for a server that imports it: `config.wsgi:app`, built once per worker process."""

import os
from typing import Any

from config import logging as our_logging
from config.app import create_app
from config.foundation import lay
from config.settings import load
from config.wiring import wire
from idp.web.front import Front
from idp.web.measures import Measures


def build_app() -> Front:
    """Read the settings, wire everything, and start the housekeeping of this process."""
    settings = load()
    our_logging.set_up(debug=settings.debug)
    shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    return create_app(wire(lay(settings)), Measures(shared=shared))


def __getattr__(name: str) -> Any:
    """Build `app` when a server first asks for it, not at import."""
    if name == "app":
        return build_app()
    raise AttributeError(name)
