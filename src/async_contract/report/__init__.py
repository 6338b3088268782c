"""What people see: histories and violations as text, and the table of verdicts with its grade."""
