"""What happened: the append-only trail, and the events that others may hear of (B-9-1, B-9-2)."""
