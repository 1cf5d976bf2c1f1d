"""The made-up officers: what their authenticators show is what RFC 6238 says."""

import pyotp
import pytest

from sandbox.totp import code


@pytest.mark.parametrize("now", [59, 1_111_111_109, 2_000_000_000])
def test_a_code_is_that_of_the_standard(now: int) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    assert code(secret, now) == pyotp.TOTP(secret).at(now)
