"""The full runs behind Task 3: `python -m experiments NAME` writes utils/results/NAME.csv.

A study trains one model for each of its settings and fills one or more tables; `python -m experiments --list`
names them. All values are nats per picture on MNIST; grey pixels, unless a study says otherwise, so the
cross-entropy is not a likelihood there. 5,000 of the 60,000 training pictures are kept for validation, and no
decision looks at the test set. Seconds are CPU seconds of the process, so a busy machine does not count.
"""
