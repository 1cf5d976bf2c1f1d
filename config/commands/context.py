"""What every command needs: settings, the foundation, and how complaints end a command."""

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click
from sqlalchemy.exc import ProgrammingError

from config.settings import BadSettings, Settings, load
from config.stores import Stores, open_stores
from idp.ports import Clock
from idp.store.store_errors import STORE_DOWN
from keys.ring import BadRing
from keys.sealing import SealBroken

REFUSED, UNUSABLE = 1, 2
F = TypeVar("F", bound=Callable[..., Any])


def settings() -> Settings:
    """The settings, or the end of the command with every complaint."""
    try:
        return load()
    except BadSettings as error:
        stop(error.complaints, UNUSABLE)


def clock() -> Clock:
    """The machine's clock, unless whoever runs the command brings one (`obj` of click's context)."""
    context = click.get_current_context(silent=True)
    return context.obj if context and context.obj else time.time


def opened_stores() -> Stores:
    """The stores, or the end of the command with the reason."""
    try:
        return open_stores(settings(), clock())
    except BadSettings as error:
        stop(error.complaints, UNUSABLE)
    except (SealBroken, BadRing) as error:
        stop([str(error)], UNUSABLE)


def stop(complaints: list[str], code: int = REFUSED) -> NoReturn:
    """Say why on standard error and end with `code`: 1 refused, 2 cannot work at all."""
    for complaint in complaints:
        click.echo(f"idp: {complaint}", err=True)
    sys.exit(code)


class _Reason(click.ParamType[str]):
    """A text that says something."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        return text if text else self.fail("say why", param, ctx)


def reasoned(command: F) -> F:
    """Adds `--reason`, which everything that changes something demands."""
    return click.option("--reason", required=True, type=_Reason(), help="Why; goes into the audit trail.")(command)


def as_json(command: F) -> F:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


UNREADY: tuple[type[Exception], ...] = (*STORE_DOWN, ProgrammingError)
"""What a store says that is down, or that has no tables yet."""


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a store that is down, or keys that are damaged, into one line instead of a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (SealBroken, BadRing) as error:
            stop([str(error)], UNUSABLE)
        except UNREADY as error:
            stop([f"the store does not answer ({type(error).__name__}); is `idp db upgrade` done?"], UNUSABLE)

    return run
