"""From a text to what it says: pure functions, no database, no network."""
