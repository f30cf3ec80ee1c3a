"""The usage warehouse and its reports: the privacy notice as executable checks."""
