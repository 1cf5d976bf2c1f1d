"""What each application compiles anew although it comes out the same, kept for the whole run.

A test has an application of its own. Most of what starting one costs is code that Werkzeug writes for building each
URL, Jinja for each template and SQLAlchemy for each statement; none of it knows anything of the installation.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine, create_engine
from werkzeug.routing import Rule

from idp.store import database

Build = Callable[..., tuple[str, str]]


class _Templates(BytecodeCache):
    """The code of templates, in this process. What else a template's code depends on is part of its name here."""

    def __init__(self) -> None:
        self._kept: dict[object, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get(self._name(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[self._name(bucket)] = bucket.code

    @staticmethod
    def _name(bucket: Bucket) -> object:
        of = bucket.environment
        known = (frozenset(of.filters), frozenset(of.tests), frozenset(of.extensions))
        return bucket.key, bucket.checksum, known, of.trim_blocks, of.lstrip_blocks


_compile: Callable[[Rule, bool], Build] = Rule._compile_builder
_built: dict[object, Build] = {}


def _when_needed(rule: Rule, append_unknown: bool = True) -> Build:
    """What builds the URLs of a rule, compiled when the first is built."""
    if rule.defaults:
        return _compile(rule, append_unknown)
    name = (rule.rule, tuple(rule._trace), append_unknown)

    def build(rule: Rule, **values: Any) -> tuple[str, str]:
        if name not in _built:
            _built[name] = _compile(rule, append_unknown)
        return _built[name](rule, **values)

    return build


def _sharing(create: Callable[..., Engine]) -> Callable[..., Engine]:
    """`create`, whose engines for SQLite use the statements that others have compiled."""
    shared = create("sqlite://")
    shared.connect().close()

    def create_shared(*address: Any, **more: Any) -> Engine:
        engine = create(*address, **more)
        if engine.dialect.name == shared.dialect.name:
            engine.dialect, engine._compiled_cache = shared.dialect, shared._compiled_cache
        return engine

    return create_shared


def keep() -> None:
    """From now on, for every application of this process."""
    Flask.jinja_options = Flask.jinja_options | {"bytecode_cache": _Templates()}
    Rule._compile_builder = _when_needed  # type: ignore
    database.create_engine = _sharing(create_engine)  # type: ignore[attr-defined]
