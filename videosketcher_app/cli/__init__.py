"""The same requests from a shell."""
