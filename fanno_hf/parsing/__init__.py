"""What a teacher wrote becomes an instruction and its input, or a response: strings in, strings out."""
