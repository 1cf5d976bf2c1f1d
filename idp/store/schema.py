"""What every table of the provider is made of: one collection, and numbers that both databases count up."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()
Number = BigInteger().with_variant(Integer, "sqlite")
