"""The USP Service: offers a part of the router's data model to its USP agent (Broadband Forum TR-369)."""
