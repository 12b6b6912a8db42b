"""One instruction: how it is asked for, tagged, judged and compared with the others."""
