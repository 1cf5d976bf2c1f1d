"""Registration: form 01 on pages that work without script, and the same for apps as JSON.

Path through it: `start.py` begins a draft -> `form.py` fills it, with pictures -> `email.py` proves the address and
hands it in -> `done.py` shows the form as it will be signed; `status.py` says later how it stands. `visit.py` knows
whose draft a browser holds, `wording.py` has every sentence. `api.py` is the door for apps, by the table in
`contract.py`. What is right and what follows is decided in `idp/desk`.
"""
