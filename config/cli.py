"""The `idp` command. Each group is imported when it is asked for: most commands need no web server."""

from importlib import import_module

import click

COMMANDS = {
    "serve": ("config.commands.serve", "serve"),
    "db": ("config.commands.db", "db"),
    "config": ("config.commands.config", "config"),
    "keys": ("config.commands.keys", "keys"),
    "clients": ("config.commands.clients", "clients"),
    "accounts": ("config.commands.accounts", "accounts"),
    "participants": ("config.commands.participants", "participants"),
    "agencies": ("config.commands.agencies", "agencies"),
    "upstreams": ("config.commands.upstreams", "upstreams"),
    "links": ("config.commands.links", "links"),
    "devices": ("config.commands.devices", "devices"),
    "messages": ("config.commands.messages", "messages"),
    "registrations": ("config.commands.registrations", "registrations"),
    "officers": ("config.commands.officers", "officers"),
    "audit": ("config.commands.audit", "audit"),
    "explain": ("config.commands.audit", "explain"),
    "doctor": ("config.commands.doctor", "doctor"),
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
    """The identity provider of Vietnam Social Security: serve it and look after it."""
