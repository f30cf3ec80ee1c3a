"""The pages of a release: usage, compliance, and the index of all; each one file without a request."""
