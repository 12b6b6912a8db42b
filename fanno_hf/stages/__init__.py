"""The four stages, Dataset -> Dataset. Read each one's public function from top to bottom: it is the method."""
