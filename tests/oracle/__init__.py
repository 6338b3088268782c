"""A second opinion on histories, from a search that shares nothing with the judge, and random histories."""
