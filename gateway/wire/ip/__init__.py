"""IP packets: parse, build, defragment; capture files. Pure."""
