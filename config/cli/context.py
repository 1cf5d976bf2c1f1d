"""What every command needs: settings, the stores, and how errors end a command."""

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from sqlalchemy.exc import ProgrammingError

from config.key_stores import KeyStores
from config.loading import load
from config.settings import BadSettings, Settings
from idp.http.store_errors import STORE_DOWN
from idp.ports import Clock
from keys.ring import BadRing
from keys.sealing import SealBroken

if TYPE_CHECKING:
    from config.stores import Stores

REFUSED, UNUSABLE = 1, 2
F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=KeyStores)


def settings() -> Settings:
    """The settings; ends the command with every complaint when they are bad."""
    try:
        return load()
    except BadSettings as error:
        stop(error.complaints, UNUSABLE)


def clock() -> Clock:
    """The machine's clock, unless the caller of the command provides one (`obj` of click's context)."""
    context = click.get_current_context(silent=True)
    return context.obj if context and context.obj else time.time


def opened_key_stores() -> KeyStores:
    """The database and the keys; ends the command with the reason when they cannot be opened."""
    return _opened(KeyStores)


def opened_stores() -> "Stores":
    """The stores; ends the command with the reason when they cannot be opened."""
    from config.stores import Stores

    return _opened(Stores)


def _opened(stores: type[S]) -> S:
    try:
        return stores(settings(), clock())
    except BadSettings as error:
        stop(error.complaints, UNUSABLE)
    except (SealBroken, BadRing) as error:
        stop([str(error)], UNUSABLE)


def stop(complaints: list[str], code: int = REFUSED) -> NoReturn:
    """Print the complaints on standard error and end with `code`: 1 refused, 2 cannot work at all."""
    for complaint in complaints:
        click.echo(f"idp: {complaint}", err=True)
    sys.exit(code)


class _Reason(click.ParamType[str]):
    """A text that is not blank."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        return text if text else self.fail("say why", param, ctx)


def reasoned(command: F) -> F:
    """Adds `--reason`, which every command that changes something requires."""
    return click.option("--reason", required=True, type=_Reason(), help="Reason, for the audit trail.")(command)


def as_json(command: F) -> F:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


UNREADY: tuple[type[Exception], ...] = (*STORE_DOWN, ProgrammingError)
"""The exceptions of a store that is down, or that has no tables yet."""


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a store that is down, or damaged keys, into one line instead of a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (SealBroken, BadRing) as error:
            stop([str(error)], UNUSABLE)
        except UNREADY as error:
            stop([f"the store does not answer ({type(error).__name__}); is `idp db upgrade` done?"], UNUSABLE)

    return run
