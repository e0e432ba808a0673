"""Pictures of answers, drawn without a network: Altair says what is drawn, `drawing` makes SVG and PNG of it.

Colours can be told apart by people who are colour-blind. Tags are data and never part of a formula: marks know a tag
by its place in a series.
"""
