"""A portal asks: registered clients, authorization requests, codes, tokens, claims and the one gate.

Path through it: `authorization.py` reads a request as a list of small checks -> `gate.py` says whether anything may
be issued -> `codes.py` and `families.py` keep what is used once -> `issuing.py` and `tokens.py` mint through
`keys.signing`. Authlib is the protocol engine of the token endpoint (`server.py`, thin grants in `grants.py`, client
authentication in `client_auth.py`). `dpop.py` judges proofs that a key is held, `device_grant.py` lets screens
without a keyboard in, `back_channel.py` tells portals that a session has ended. Who the person is and how it was
proved is left to `accounts` and `login`.
"""
