"""Keys: which key signs, which keys are published, how they change, and how secrets are stored.

Reading order: `cache.RingCache` provides the current `ring.KeyRing`; `signing.Signer` signs and verifies with it;
`changes.Plan` defines the allowed changes of a ring, `rotation.Rotator` makes a change once for all processes,
`calendar` lists future events; `store` keeps keys and secrets in SQL, sealed by `sealing` with the keys that `masters`
fetches, and `care` checks and re-seals them; `database.Database` is the SQL database with its two entry points, here
because this is the lowest room. For the same reason `strict_json`, which parses untrusted JSON for every room, is here.

Who may get a token and what it contains is decided elsewhere. This package exports nothing: import its modules.
"""
