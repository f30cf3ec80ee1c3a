"""Check: a landed partition becomes counts, and Great Expectations judges the counts, never rows."""
