"""Federation: people come in through somebody else, VNeID, the National Public Service Portal or any OpenID Provider.

Path through it: `web` (start, callback, the pages of linking) -> `upstream_logins` (state, taken once) -> a connector
of `connectors` (asks the upstream, believes nothing) -> `matching` (one pure table) -> `linking` (proof, link, undo).
`circuit_breaker` keeps a broken upstream from hurting anybody else; `store` keeps links and conflicts in SQL. Who
people are, messages, sessions and codes are left to `idp`, and the list of upstreams to `config`.
"""
