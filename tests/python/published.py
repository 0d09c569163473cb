"""Prints what the operator publishes of its devices."""
from demo import *

print(http("GET", "/.well-known/poshta-marks.json", expect=200)[2].decode())
