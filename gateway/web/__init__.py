"""Web server parts outside of the pages: TLS front, certificates, branding, encrypted backups."""
