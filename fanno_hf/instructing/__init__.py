"""One instruction: how it is asked for, read, judged and compared with the others."""
