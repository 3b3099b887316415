"""What only Docker Compose needs."""
