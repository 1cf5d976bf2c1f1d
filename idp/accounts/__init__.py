"""Who people are: accounts, their dated identifiers, names, phones and passwords.

Reading order: `account.py` holds the types, `identifiers.py` parses what a person typed, `phone.py` defines one
canonical form, `passwords.py` checks a password in a bounded pool, `people.py` is the port to the store. The life of a
password: `password_rules.py` says what is allowed and for how long -> `one_time.py` sends and checks a code within
`budgets.py` -> `credentials.py` changes the password in one transaction -> `notices.py` notifies the person;
`recovery.py` is for a forgotten password. `passkeys.py` handles the passkeys in people's devices. `devices.py` enrols
the one phone that a person has in an app, `history.py` defines which part of the trail a person sees.
`Account.secured_at`, the date of the last credential event, invalidates everything older. How a person authenticates
belongs to `login`.
"""
