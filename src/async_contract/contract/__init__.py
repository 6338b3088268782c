"""What is owed: the clauses, the capabilities, and the life of a job."""
