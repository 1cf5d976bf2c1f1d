"""The identity provider: people prove who they are, portals ask and get tokens.

Path through it: `web` (pages for people, endpoints for machines) -> `login` and `oidc` (rules) -> `desk` (what people
declare and officers decide) -> `accounts` (who people are) -> ports that `store` implements in SQL and Redis.
`ports.py`, `errors.py`, `ephemeral_records.py` and `audit.py` belong to no single noun. Signing and sealing are left to
`keys`; settings and the container to `config`.
"""
