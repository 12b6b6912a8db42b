"""What augment alone needs: windows of documents, the pool they draw from, and the record of both."""
