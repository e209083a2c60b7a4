"""Every way in which a stream can end, for every endpoint that streams."""
