"""What every route shares: guards, limits, problem documents, request ids, metrics and streams."""
