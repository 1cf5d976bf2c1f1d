"""One module for each protocol that upstreams speak; each keeps the promise of `federation.connector.Connector`."""
