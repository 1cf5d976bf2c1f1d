"""Officers of the agencies: their accounts, rights, logins and sessions, and people's requests about their data.

`officers.py` defines who an officer is and what each may do, `agencies.py` the tree in which a right holds, and
`logins.py` and `passkeys.py` the logins. `data_requests.py` is a person's request for a copy or an erasure.

Pages are in `idp/web/officer`, commands are `idp officers` and `idp agencies`. Officers' decisions about a declaration
are in `idp/registration`, which depends on officers; officers do not depend on declarations.
"""
