"""QR login: a phone that is signed in lets a browser in, by a picture that changes.

Path through it: `logins` (start, scan, context, confirm, deny, poll; each kept by one compare-and-swap) -> `flow` (one
login as a frozen value, pure transitions) and `picture` (what the code says, and how long that is worth anything) ->
`drawing`. The browser's side is `web` and `poll`, offered by `way`; the phone's is `contract` (the table of its API,
which `openapi` tells) -> `phone_authenticator` (who calls) -> `phone_api` -> `phone`, with the signed `card` of who
asks, and `risk` says what a login is worth. A browser proves itself by a secret in its cookie, a phone by what the
picture says; neither follows from the other. Whose phone it is and its passcode are decided in `idp.accounts.devices`;
who the person is and the session are left to `idp`.
"""
