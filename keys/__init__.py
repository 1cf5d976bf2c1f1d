"""Keys: which key signs, which keys are shown, how they change, and how secrets rest on disk.

The path through it: `cache.RingCache` hands out the current `ring.KeyRing`; `signing.Signer` signs and verifies with
it; `changes.Plan` says what may be done with a ring, `rotation.Rotator` does it once for all processes, `calendar`
tells what will come; `store` keeps keys and secrets in SQL, sealed by `sealing` under the keys that `masters` fetches,
and `care` checks and re-seals them; `database.Database` is the SQL database with its two doors, here because this is
the lowest room.

Who may have a token and what it says is decided elsewhere. This package names nothing here: import its modules.
"""
