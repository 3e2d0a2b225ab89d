"""Generated from proto/callcontrol/v1; do not edit."""
