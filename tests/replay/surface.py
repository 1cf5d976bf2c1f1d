"""What portals, apps and operators can name without a request: settings, commands, tables, messages, events, errors."""

import importlib
import pkgutil
import types
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import product
from typing import Any, Union, get_args, get_origin

import click
from pydantic import BaseModel
from sqlalchemy import create_engine, inspect

import federation
import idp
import qr_login
from config.cli.main import main
from config.settings import Settings
from idp.audit import EVENTS
from idp.errors import UserError
from idp.messages.message import Message
from idp.messages.texts import render_mail, render_sms
from idp.sentences import Language
from tests.support.app import App

ROOMS = (federation, idp, qr_login)


KINDS = {
    "activation": "", "data_erased": "", "data_refused": "", "declaration_approved": "",
    "declaration_received": "", "declaration_rejected": "reason", "declaration_returned": "reason", "notice": "event",
    "opened_by_mail": "", "otp": "purpose", "recovery_link": "", "temporary_password": "",
}  # fmt: skip
WORDS = {
    "": ("",),
    "purpose": ("activation", "contact", "device", "link", "login", "password", "profile", "recovery", "registration",
                "step_up"),
    "event": ("activated", "device_enrolled", "device_locked", "device_removed", "disavowed", "email_changed",
              "erasure_asked", "link_added", "link_removed", "new_device", "passkey_added", "passkey_cloned",
              "passkey_removed", "password_changed", "password_recovered", "phone_changed", "profile_changed",
              "registration_asked"),
    "reason": ("code_unknown", "duplicate", "identity_mismatch", "incomplete", "other", "paper_unreadable",
               "phone_mismatch", "photo_mismatch", "under_age", "wrong_agency"),
}  # fmt: skip
"""Every kind of message, by the word that it takes in, and those words."""

BLANKS = ("account", "agency", "browser", "code", "hours", "minutes", "note", "password", "reference", "time", "url")
LANGUAGES: tuple[Language, ...] = ("vi", "en")


def messages(app: App) -> Iterator[str]:
    """Every message in both languages: what carriers were told letter for letter, and a digest of each mail."""
    for kind, word, language in product(KINDS, ("", "undo"), LANGUAGES):
        for each in WORDS[KINDS[kind]] if not word or kind == "notice" else ():
            facts = {name: f"{{{name}}}" for name in BLANKS} | {KINDS[kind]: each, "undo_url": word and "{undo_url}"}
            name = f"{kind} {language} {each} {word}".rstrip()
            yield f"{name}: {render_sms(Message('sms', '+84901234567', kind, 0, facts, language))}"
            if kind != "opened_by_mail":
                mail = render_mail(Message("email", "a@example.test", kind, 0, facts, language))
                digest = sha256(f"{mail.text}{mail.html}".encode()).hexdigest()[:16]
                yield f"  mail: {mail.subject}, {len(mail.text)}, {len(mail.html)}, {digest}"


def settings(app: App) -> Iterator[str]:
    """Every setting with its type, its bounds and its default."""
    yield from _fields("", Settings)


def _fields(before: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in sorted(model.model_fields.items()):
        inner = _model(field.annotation)
        if inner:
            many = "[]" if get_origin(field.annotation) is tuple else ""
            yield from _fields(f"{before}{name}{many}.", inner)
        else:
            bounds = " ".join(sorted(str(each) for each in field.metadata if "Validator" not in str(each)))
            default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
            yield f"{before}{name}: {_type(field.annotation)} {bounds} = {default}"


def _model(annotation: Any) -> type[BaseModel] | None:
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _type(annotation: Any) -> str:
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(_type(each) for each in get_args(annotation))
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")


def commands(app: App) -> Iterator[str]:
    """The tree of `idp` with every option and argument."""
    yield from _command("idp", main)


def _command(path: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(click.Context(command))):
            below = command.get_command(click.Context(command), name)
            assert below
            yield from _command(f"{path} {name}", below)
        if not command.params:
            return
    yield path
    for each in command.params:
        if getattr(each, "hidden", False):
            continue
        names = "/".join([*each.opts, *each.secondary_opts])
        choices = getattr(each.type, "choices", "")
        flags = [w for w in ("required", "multiple", "is_flag") if getattr(each, w, False)]
        default = each.default if isinstance(each.default, str | int | float | tuple | list) else None
        yield f"  {names} {each.type.name} {list(choices) or ''} {' '.join(flags)} = {default}".rstrip()


def tables(app: App) -> Iterator[str]:
    """Tables, columns, keys and indexes, as the migrations make them."""
    engine = create_engine(app.settings.store.database_url or f"sqlite:///{app.settings.data_dir}/idp.db")
    look = inspect(engine)
    for table in sorted(look.get_table_names()):
        yield f"{table} (key {', '.join(look.get_pk_constraint(table)['constrained_columns'])})"
        for column in sorted(look.get_columns(table), key=lambda c: c["name"]):
            empty = "" if column["nullable"] else " not null"
            yield f"  {column['name']} {column['type']}{empty} default {column['default']}"
        for index in sorted(look.get_indexes(table), key=lambda i: str(i["name"])):
            yield f"  index {index['name']} {index['column_names']}{' unique' if index['unique'] else ''}"
        for unique in sorted(look.get_unique_constraints(table), key=lambda u: str(u["name"])):
            yield f"  unique {unique['name']} {unique['column_names']}"
        for key in sorted(look.get_foreign_keys(table), key=str):
            yield f"  {key['constrained_columns']} -> {key['referred_table']}{key['referred_columns']}"
    engine.dispose()


def events(app: App) -> Iterator[str]:
    """The names of audit events."""
    yield from sorted(EVENTS)


def errors(app: App) -> Iterator[str]:
    """Kind and status of what a person or a client may be refused with."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(module.name)
    below, kinds = [UserError], set()
    while below:
        error = below.pop()
        below += error.__subclasses__()
        if error.__module__.startswith(tuple(room.__name__ for room in ROOMS)):
            kinds.add(f"{error.kind} {error.status}")
    yield from sorted(kinds)


def metrics(app: App) -> Iterator[str]:
    """Names, types and labels of the metrics after one login."""
    app.visitor().tokens()
    page = app.operation().answer("/metrics")[2].decode()
    names = {line.split("{")[0] + str(sorted(_labels(line))) for line in page.splitlines() if not line.startswith("#")}
    yield from sorted(line for line in page.splitlines() if line.startswith("# TYPE"))
    yield from sorted(name for name in (n.split(" ")[0] for n in names) if not name.endswith("_created[]"))


def _labels(line: str) -> list[str]:
    return [each.split("=")[0] for each in line.partition("{")[2].partition("}")[0].split('",')]


SURFACE: dict[str, Callable[[App], Iterator[str]]] = {
    "audit events": events,
    "commands": commands,
    "errors": errors,
    "messages": messages,
    "metrics": metrics,
    "settings": settings,
    "tables": tables,
}
