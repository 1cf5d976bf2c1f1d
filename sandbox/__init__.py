"""The outside world of the identity provider, simulated: two portals, an inbox, a phone, an SMS gateway, VNeID and
the national portal, made-up people, officers and agencies.

`python -m sandbox run` (which is `make run`) starts the provider and all but the gateway on the loopback, and stops
them with Ctrl-C; `python -m sandbox portal` (both of them), `... inbox`, `... phone`, `... sms` and `... upstreams`
(VNeID and the national portal) are the single programs. Each is a process of its own with its own cookies. The path:
`launch` -> `children` -> `portal` | `inbox` | `upstreams` -> `serving`; and `upstreams` -> `vneid` | `dvcqg` ->
`faults`. The product never imports this room and this room never imports the product: it talks to the provider as
anybody would, by HTTP and by the `idp` command.
"""
