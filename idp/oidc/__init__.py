"""What clients use: registered clients, authorization requests, codes, tokens, claims and the one gate.

Reading order: `authorization.py` reads a request as a list of small checks -> `gate.py` decides whether anything may be
issued -> `codes.py` and `families.py` keep what is used once -> `issuing.py` and `tokens.py` mint through
`keys.signing`. Authlib is the protocol engine of the token endpoint (`server.py`, thin grants in `grants.py`, client
authentication in `client_auth.py`). `dpop.py` verifies proofs of possession, `device_grant.py` is for devices without a
keyboard, `back_channel.py` notifies clients that a session has ended. Who the person is and how that was proved belongs
to `accounts` and `login`.
"""
