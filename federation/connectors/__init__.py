"""One module per protocol that upstreams speak; each implements `federation.connector.Connector`."""
