"""Every table of the product, whichever room owns it."""

from sqlalchemy import Table

import federation.tables  # noqa: F401  # registers its tables in the metadata of idp
from idp.store import signing_keys, tables

METADATA = (signing_keys.metadata, tables.metadata)
"""Those of keys, and those of all other rooms: `federation` adds its own to those of `idp`."""


def all_tables() -> list[Table]:
    """Parents come before their children."""
    return [table for metadata in METADATA for table in metadata.sorted_tables]
