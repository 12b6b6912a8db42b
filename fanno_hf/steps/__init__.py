"""What the stages are made of: rows that leave with a reason, questions to the teacher, instructions, answers."""
