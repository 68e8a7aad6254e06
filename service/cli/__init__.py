"""The sub-commands of `yanpan` that need the running system's parts."""
