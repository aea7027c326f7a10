"""Pages of the review queue: templates, static files, catalogues, words."""
