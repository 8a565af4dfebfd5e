"""Who is signed in, what they may, and how wrong tries are held off."""
