"""From the lines of printed pages to a text: pure functions over lists of lines, which know nothing of PDF."""
