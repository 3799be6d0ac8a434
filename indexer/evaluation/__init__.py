"""How good searches are: figures for rankings, their intervals, comparisons, reports, and the gate before publishing."""
