"""The `idp` command."""

import click

from config.commands.accounts import accounts
from config.commands.audit import audit, explain
from config.commands.clients import clients
from config.commands.config import config
from config.commands.db import db
from config.commands.doctor import doctor
from config.commands.serve import serve


@click.group()
@click.version_option(package_name="bhxh-idp")
def main() -> None:
    """The identity provider of Vietnam Social Security: serve it and look after it."""


for command in (serve, db, config, clients, accounts, audit, explain, doctor):
    main.add_command(command)
