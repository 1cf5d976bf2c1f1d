"""The ports of `idp` implemented in SQL and in Redis. No rule lives here.

`tables.py` is the whole schema; each noun has one module that implements its port; `ephemeral_sql.py` and
`ephemeral_redis.py` are two implementations of one port and pass one contract suite. Hot reads are single autocommit
statements.
"""
