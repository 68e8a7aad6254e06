"""Word lists and rules in YAML, read by risk and elements."""
