"""What a login by QR code is worth: networks take away, and give nothing (L-03, O-09)."""

from dataclasses import replace

import pytest

from qr_login.flow import State
from qr_login.risk import proof_of
from tests.rules.qr_login.conftest import ASKER, Scene


@pytest.mark.parametrize(
    ("near", "known", "level", "brief"),
    [(True, True, 2, False), (True, False, 2, False), (False, True, 1, False), (False, False, 1, True)],
)
def test_the_level_is_that_of_the_networks_and_the_length_also_of_the_browser(
    scene: Scene, near: bool, known: bool, level: int, brief: bool
) -> None:
    """L-01, L-03, O-09"""
    _, _, login = scene.scanned()
    proved = proof_of(replace(login, state=State.CONSUMED, near=near, confirmed_at=7.0), known=known)

    assert (proved.acr, proved.brief, proved.auth_time) == (level, brief, 7.0)
    assert (proved.account_id, proved.through, proved.amr) == ("owner of phone", "qr", ("swk", "pin", "mfa"))


def test_only_the_same_prefix_is_near(scene: Scene) -> None:
    """L-03: a phone or a browser of which no network is known is in none."""
    here = ASKER.network
    cases = [(here, here, True), (here, "203.0.112.0/24", False), (here, "203.0.113.0/25", False), (here, "", False)]
    for browser, network, near in [*cases, ("unknown", "unknown", False), ("", "", False)]:
        secret, login = scene.logins.start("a_1", "portal", replace(ASKER, network=browser))
        _, scanned = scene.logins.scan(scene.picture(secret, login), "phone", "owner", "A15", network)
        assert scanned.near is near
