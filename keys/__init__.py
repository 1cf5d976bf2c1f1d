"""Keys: which key signs, which keys are shown, how they change, and how secrets rest on disk.

The path through it: `cache.RingCache` hands out the current `ring.KeyRing`; `signing.Signer` signs and verifies with
it; `rotation.Rotator` sees to it that every algorithm in use has a key; `store` keeps keys and secrets in SQL, sealed
by `sealing`; `database.Database` is the SQL database with its two doors, here because this is the lowest room.

Who may have a token and what it says is decided elsewhere. This package names nothing here: import its modules.
"""
