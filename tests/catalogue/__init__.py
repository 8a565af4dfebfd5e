"""Tools for the people who maintain the service catalogue; they are not part of the package."""
