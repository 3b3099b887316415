"""What a laptop has in place of AWS."""
