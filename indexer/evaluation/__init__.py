"""How good searches are: figures with intervals, comparisons, reports, and the gate before publishing."""
