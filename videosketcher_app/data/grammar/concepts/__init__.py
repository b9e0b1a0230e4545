"""Object programs, one concept a file, in folders by category."""
