"""HTTP: pages for people (Flask) and endpoints for machines (plain WSGI), behind one front door.

Path through it: `gateway.py` bounds and logs every request and dresses every answer -> `protocol_endpoints.py` answers
clients -> `routes.py` lists every page: URL, class, collaborators. Further steps of a login know who is there by
`steps.py`, and every page with a one-time code is laid out by `otp_flow.py`. Pages read a form, ask a rule and render;
they decide nothing. `register/` is form 01 and its API, `officer/` the console, which has a host of its own.
"""
