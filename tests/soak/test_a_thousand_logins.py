"""The full number behind `tests/flows/test_nothing_stays_behind.py`."""

import pytest

from tests.flows.test_nothing_stays_behind import live_and_expire
from tests.support.app import App


@pytest.mark.soak
def test_a_thousand_logins_leave_nothing_behind(everywhere: App) -> None:
    live_and_expire(everywhere, 1000)
