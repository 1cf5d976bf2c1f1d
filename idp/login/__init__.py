"""A person proves who they are: attempts, sessions, captcha, limits.

Reading order: `/authorize` asks `steps.py` for the next required step -> a `LoginAttempt` carries the request ->
`logins.py` checks the password behind `limits.py` and `captcha.py`, or `passkey_logins.py` a passkey; a code or a new
password may be required next -> an `Authentication` is the one result of every login method -> `sessions.py` opens a
session. What a client may get for it belongs to `oidc`.
"""
