"""Who people are: accounts, their dated identifiers, names, phones and passwords.

Path through it: `account.py` holds the types, `identifiers.py` reads what a person typed, `phone.py`
makes one canonical form, `passwords.py` checks a password in a bounded pool, `people.py` is the port to the store.
How a person proves to be somebody is left to `login`.
"""
