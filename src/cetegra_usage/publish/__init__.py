"""From protected tables to a release: data files, pages, evidence, manifest."""
