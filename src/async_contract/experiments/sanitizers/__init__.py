"""Making trouble for the functions that make text safe: labels of metrics, and failure messages."""
