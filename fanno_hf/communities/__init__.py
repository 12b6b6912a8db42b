"""Communities of similar rows, one row of each, and the graph of similar rows.

before  embeddings of ["Mosses have no roots.", "Tax is due in May.", "Moss has no root."]
after   detect_communities(embeddings, threshold=0.7) == [[0, 2], [1]]      the centre of each community comes first
"""

from fanno_hf.communities.approximate import ApproximateNeighbours, approximate_neighbours
from fanno_hf.communities.detect import detect_communities, representatives

__all__ = ["ApproximateNeighbours", "approximate_neighbours", "detect_communities", "representatives"]
