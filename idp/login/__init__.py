"""A person proves who they are: attempts, sessions, captcha, limits.

Path through it: `/authorize` asks `steps.py` what is still owed -> a `LoginAttempt` carries the request -> `logins.py`
checks the password behind `limits.py` and `captcha.py`, or `passkey_logins.py` a passkey; perhaps a code or another
password is owed next -> an `Authentication` is the one result of every way in -> `sessions.py` opens a session. What a
portal may get for it is left to `oidc`.
"""
