"""What the pages and their helper processes need of the gateway: TLS front, certificates, brand, seals."""
