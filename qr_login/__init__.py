"""QR login: a signed-in phone lets a browser in, by scanning a picture that changes.

Path through it: `logins` (start, scan, context, confirm, deny, poll; each stored by one compare-and-swap) -> `flow`
(one login as a frozen value, pure transitions) and `picture` (the content of the code, and how long it is valid) ->
`drawing`. The browser's side is `web` and `poll`, offered by `way`; the phone's side is `phone_authenticator` (who
calls) -> `phone_api` (the operations, on `idp.http.json_api`, with the models and sentences of `contract`) -> `phone`,
with the signed `card` of who asks; `risk` says what a login is worth. A browser proves itself by a secret in its
cookie, a phone by the content of the picture; neither can be derived from the other. Devices, their owners and
passcodes are in `idp.accounts.devices`; persons and sessions are left to `idp`.
"""
