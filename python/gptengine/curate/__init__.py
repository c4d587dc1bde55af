"""From crawls, licensed texts and curated sets to documents that are worth training on."""
