"""Cases: which complaints speak of the same event, decided one by one as they arrive, and why."""
