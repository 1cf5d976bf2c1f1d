"""What a store raises when it does not answer: all of it means that nothing was decided, and becomes a 503."""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from idp.errors import StoreDown

STORE_DOWN: tuple[type[Exception], ...] = (StoreDown, OperationalError, InterfaceError, PoolTimeout)
