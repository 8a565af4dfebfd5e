"""The control socket (Unix), over which the pages and the command line read and change everything."""
