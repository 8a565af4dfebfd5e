"""Sign-in, roles, and limits of wrong passwords."""
