"""What both papers published, counted again by the pack's own counters."""
