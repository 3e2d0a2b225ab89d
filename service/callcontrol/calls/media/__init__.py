"""What is heard, recorded and typed."""
