"""`mmlubench lab explore`: what a data set holds, and where its questions are wrong, too long, or too easy to guess.

`reading.py` gets the data, `facts.py` makes a row of small facts of each question, the modules beside them turn these
into figures (a dataclass each, which is the JSON) and into a `Section`, which terminal and page show.
"""
