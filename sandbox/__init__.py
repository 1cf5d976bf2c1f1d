"""The outside world of the identity provider, simulated: two portals, an inbox, an SMS gateway, made-up people.

`python -m sandbox run` (which is `make run`) starts the provider, the portals and the inbox on the loopback, and stops
them with Ctrl-C; `python -m sandbox portal` (both of them), `... inbox` and `... sms` are the single programs. Each
is a process of its own with its own cookies. The path: `launch` -> `children` -> `portal` | `inbox` -> `serving`. The
product never imports this room and this room never imports the product: it talks to the provider as anybody would, by
HTTP and by the `idp` command.
"""
