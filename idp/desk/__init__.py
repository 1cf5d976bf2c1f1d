"""The desk: what people declare on form 01 and what officers of an agency decide about it.

A `Declaration` goes from draft to decision, one compare-and-swap at a time (`declaration.py`, `declarations.py`), with
its pictures (`photos.py`), its address (`divisions.py`) and its agency (`agencies.py`). Officers have accounts, rights
and sessions of their own (`officers.py`, `officer_logins.py`). `decisions.py` carries out what they decide: an account
is opened, changed or closed, and the person gets the way to a first password (`activation.py`).

Pages are in `idp/web/register` and `idp/web/officer`, commands are `idp registrations`, `idp officers` and
`idp agencies`. What an account is and how its credentials change stays in `idp/accounts`.
"""
