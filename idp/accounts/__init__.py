"""Who people are: accounts, their dated identifiers, names, phones and passwords.

Path through it: `account.py` holds the types, `identifiers.py` reads what a person typed, `phone.py` makes one
canonical form, `passwords.py` checks a password in a bounded pool, `people.py` is the port to the store. A password's
life: `password_rules.py` says what it may be and for how long -> `one_time.py` sends and judges a code within
`budgets.py` -> `credentials.py` changes it in one transaction -> `notices.py` tells the person; `recovery.py` is the
way for who forgot it. `passkeys.py` asks the keys in people's devices. `devices.py` enrols the one phone that a
person has in an app, `history.py` says what a person sees of the trail. `Account.secured_at`, the date of the last such
event, ends whatever is older. How a person proves to be somebody is left to `login`.
"""
