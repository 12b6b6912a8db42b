"""Students: small language models that are trained on pairs, and asked what they have learnt."""
