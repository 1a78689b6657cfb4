"""Every family in every way of computing, under several ways of sampling, held against the oracle.

`cases` names them, `judge` says of each what is wrong. Cases of other kinds are lists of the same: a module `sampling`
beside these, where there is one, has CASES, each with `name`, `family` and `run() -> Verdict`.
"""
