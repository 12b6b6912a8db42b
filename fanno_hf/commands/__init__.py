"""What `stage=` may ask for besides stages: one module a task."""
