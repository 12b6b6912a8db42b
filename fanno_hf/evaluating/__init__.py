"""What models are worth: measured side by side, by their loss, by a judge, by benchmarks."""
