"""What several kinds of tests need: programs, servers, clients. No tests here."""
