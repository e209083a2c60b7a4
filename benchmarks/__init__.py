"""Speed measured against the bare client, a hand-written span, and the peers."""
