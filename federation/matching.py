"""The linking table: who is the person whom an upstream brought? Pure, and the only place that decides it."""
