"""Ways of making trouble: what is done to a store so that it shows what it keeps."""
