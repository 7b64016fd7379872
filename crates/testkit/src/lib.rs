//! Development only: fixtures, golden runner, the server under test
