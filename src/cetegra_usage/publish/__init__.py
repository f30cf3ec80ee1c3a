"""Publish: protected tables and evidence become files, a release and a manifest that names it."""
