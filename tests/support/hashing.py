"""A moment in which nobody can have a password hashed."""

from collections.abc import Iterator
from contextlib import contextmanager

from idp.accounts.hash_queue import KNOWN, HashQueue
from idp.accounts.passwords import Passwords


@contextmanager
def no_room(passwords: Passwords) -> Iterator[None]:
    """Every place is taken, and nobody may wait, until the block ends."""
    usual, passwords.queue = passwords.queue, HashQueue(1, 0)
    with passwords.place(KNOWN):
        yield
    passwords.queue = usual
