"""What a run did and saved, as data, text and picture."""
