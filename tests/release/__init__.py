"""What a release needs beside tests: facts that somebody has to look at again, by their dates."""
