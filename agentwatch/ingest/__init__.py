"""From raw entries to usage events: streams, traces and the decoder."""
