"""Registration: form 01 on pages that work without script, and as JSON for apps.

Path through it: `start.py` begins a draft -> `form.py` fills it, with pictures -> `email.py` proves the address and
submits it -> `done.py` shows the form as it will be signed; `status.py` shows its state later. `visit.py` finds the
draft of a browser, `wording.py` has every sentence. `api.py` is the API for apps, with the models in `contract.py`.
What is valid and what follows is decided in `idp/registration`.
"""
