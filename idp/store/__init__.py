"""The ports of `idp` kept in SQL and in Redis. No rule lives here.

`tables.py` is the whole schema; one module per noun keeps its port; `ephemeral_sql.py` and `ephemeral_redis.py` are two
implementations of one port and pass one contract suite. Hot reads are single autocommit statements.
"""
