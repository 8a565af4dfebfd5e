"""The certificate of the pages' trusted name: gets it from a free authority, renews it, turns HTTPS on."""
