"""What it means: a history goes in, verdicts with witnesses and counts come out."""
