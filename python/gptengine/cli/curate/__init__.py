"""`gptengine curate`: from crawls, licensed texts and curated sets to training batches."""
