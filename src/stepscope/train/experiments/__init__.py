"""Trainings that are observed: with an injected fault, with peak memory measured, with every part timed."""
