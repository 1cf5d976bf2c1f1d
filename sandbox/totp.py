"""What the authenticators of the made-up officers show now: RFC 6238 in ten lines, for `python -m sandbox codes`."""

import base64
import hashlib
import hmac
import json
import struct
import time

from sandbox.addresses import HERE

STEP = 30


def code(secret: str, now: float) -> str:
    """The six digits of this moment."""
    counter = struct.pack(">Q", int(now // STEP))
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def show() -> None:
    """Print login name and code of every made-up officer."""
    now = time.time()
    for officer in json.loads((HERE / "officers.json").read_text(encoding="utf-8")):
        print(f"{officer['login']}  {code(officer['totp_secret'], now)}  ({STEP - int(now) % STEP} s)")
