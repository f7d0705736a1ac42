"""What events cost, and who spent it."""
