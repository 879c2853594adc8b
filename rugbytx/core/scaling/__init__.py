"""How many AWS workers are wanted and who may receive, with the reason; pure."""
