"""The test suite's own pytest plugins: throw-away servers, a database per worker and per test, the requirement report."""
