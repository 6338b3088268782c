"""What happened: operations, the recorder, and histories as files."""
