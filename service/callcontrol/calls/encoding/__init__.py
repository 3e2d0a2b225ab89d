"""What a caller may say, and how it is written for the switch: exactly, or not at all."""
