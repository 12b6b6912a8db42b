"""The teacher: whatever answers a chat request. `service` is the door; behind it stand the journal and one backend."""
