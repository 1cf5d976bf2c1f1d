"""HTTP beneath the pages: the WSGI gateway, requests and their bodies, headers, cookies, networks, metrics.

`gateway.py` answers what machines call and hands everything else to Flask. `forms.py` reads bodies and queries with
bounds. `json_api.py` serves and describes what apps call, out of operations that are declared once, on pydantic models;
`openapi.py` has their schemas. Nothing here knows a rule or a store: `idp/web`, `federation` and `qr_login` build their
pages on it.
"""
