"""The sections of the usage page: each takes the release's figures and gives what its template shows."""
