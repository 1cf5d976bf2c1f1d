"""HTTP: pages for people (Flask) and endpoints for clients (plain WSGI), behind one gateway.

Path through it: `gateway.py` bounds and logs every request and completes every response -> `protocol_endpoints.py`
answers clients -> `routes.py` lists every page: URL, class, collaborators. The later steps of a login find the person
through `steps.py`; `otp_flow.py` renders every page with a one-time code. Pages read a form, ask a rule and render;
they decide nothing. `register/` is form 01 and its API; `officer/` is the console, on its own host.
"""
