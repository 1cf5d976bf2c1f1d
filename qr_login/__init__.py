"""QR login: a phone that is signed in lets a browser in, by a picture that changes.

Path through it: `logins` (start, scan, context, confirm, deny, poll; each kept by one compare-and-swap) -> `flow` (one
login as a frozen value, pure transitions) and `picture` (what the code says, and how long that is worth anything) ->
`drawing`. A browser proves itself by a secret in its
cookie, a phone by what the picture says; neither follows from the other. Whose phone it is, its passcode and every page
are not decided here; who the person is and the session are left to `idp`.
"""
