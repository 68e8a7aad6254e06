"""The feed: everything that happened, in one gap-free order, for the judgement workflow to read."""
