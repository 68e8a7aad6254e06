"""The running system: store, search, cases, feed, access, jobs, HTTP and the command line."""
