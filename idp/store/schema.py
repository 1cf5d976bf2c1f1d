"""The base of every table of the provider: one metadata collection, and numbers that both databases increment."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()
Number = BigInteger().with_variant(Integer, "sqlite")
