"""Federation: login through an upstream: VNeID, the National Public Service Portal or any OpenID Provider.

Reading order: `web` (start, callback, the pages of linking) -> `upstream_logins` (state, taken once) -> a connector of
`connectors` (asks the upstream, trusts nothing) -> `matching` (one pure table) -> `linking` (proof, link, undo).
`circuit_breaker` isolates a broken upstream; `store` keeps links and conflicts in SQL. People, messages, sessions and
codes belong to `idp`, the list of upstreams to `config`.
"""
