"""The test suite's own pytest plugins: throw-away servers, databases, the requirement report."""
