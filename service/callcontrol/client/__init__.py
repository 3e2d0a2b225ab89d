"""What a Python program imports to use the service; knows the generated stubs and nothing else."""
