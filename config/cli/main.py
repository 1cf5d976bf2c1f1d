"""The `idp` command. Each group is imported on demand: most commands need no web server."""

import atexit
import gc
from importlib import import_module

import click

COMMANDS = {
    "serve": ("config.cli.serve", "serve"),
    "db": ("config.cli.db", "db"),
    "config": ("config.cli.config", "config"),
    "keys": ("config.cli.keys", "keys"),
    "clients": ("config.cli.clients", "clients"),
    "accounts": ("config.cli.accounts", "accounts"),
    "participants": ("config.cli.participants", "participants"),
    "agencies": ("config.cli.agencies", "agencies"),
    "upstreams": ("config.cli.upstreams", "upstreams"),
    "links": ("config.cli.links", "links"),
    "devices": ("config.cli.devices", "devices"),
    "messages": ("config.cli.messages", "messages"),
    "registrations": ("config.cli.registrations", "registrations"),
    "officers": ("config.cli.officers", "officers"),
    "audit": ("config.cli.audit", "audit"),
    "explain": ("config.cli.audit", "explain"),
    "doctor": ("config.cli.doctor", "doctor"),
}


class _OnDemand(click.Group):
    """Finds its commands in `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_OnDemand)
@click.version_option(package_name="bhxh-idp")
def main() -> None:
    """The identity provider of Vietnam Social Security: run and administer it."""
    # The interpreter would search all imported objects for garbage three times, only to exit afterwards.
    atexit.register(gc.freeze)
