"""Learning the shop's own categories, and measuring how well they were learned."""
