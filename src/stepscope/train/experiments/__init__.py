"""Trainings that are observed: with a fault, with peak memory measured, with every part timed, until a reward."""
