"""What each guardian is notified of on a phone."""
