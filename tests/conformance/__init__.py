"""What the modules of OpenID's conformance suite ask of a provider, each as a test of that name.

The suite itself is run by hand before a release; these tests ask the same, in seconds, of every change. Plans: basic,
form post, config and dynamic (the entries for the code flow), RP-initiated and back-channel logout, FAPI 2.0 security
profile with both client authentications and both sender constraints, and FAPI 2.0 message signing. TLS versions and
ciphers are the proxy's: `docs/deploy.md`.
"""
