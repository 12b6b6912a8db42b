"""From a web page to its text in Markdown form: its elements become blocks, and those that are no content go."""
