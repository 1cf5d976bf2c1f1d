"""What a store raises when it does not answer: all of it means that nothing was decided, and becomes a 503.

So does a ring whose keys somebody deleted: no rule of ours leaves an algorithm in use without a key that signs.
"""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from idp.errors import StoreDown
from keys.ring import NoSigningKey

STORE_DOWN: tuple[type[Exception], ...] = (StoreDown, OperationalError, InterfaceError, PoolTimeout, NoSigningKey)
