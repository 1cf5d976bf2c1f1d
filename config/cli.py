"""The `idp` command."""

import click

from config.commands.accounts import accounts
from config.commands.clients import clients
from config.commands.db import db
from config.commands.serve import serve


@click.group()
@click.version_option(package_name="bhxh-idp")
def main() -> None:
    """The identity provider of Vietnam Social Security: serve it and look after it."""


for command in (serve, db, clients, accounts):
    main.add_command(command)
