"""Registration: what people declare on form 01, and what an agency decides about it.

A `Declaration` goes from draft to decision, one compare-and-swap at a time (`declaration.py`, `declarations.py`), with
its pictures (`photos.py`), its address (`divisions.py`) and its agency. `decisions.py` carries out officers' decisions:
an account is opened, changed or closed, and the person gets a link to set a first password (`activation.py`).
`proposals.py` asks a second officer when one is not enough.

Pages are in `idp/web/register` and `idp/web/officer`, the command is `idp registrations`. Officers and agencies are in
`idp/officers`. Accounts and changes of their credentials stay in `idp/accounts`.
"""
