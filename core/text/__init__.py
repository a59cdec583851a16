"""Words for people, the same on the command line and on the screens.

an event becomes the documented lines         lines
a step becomes its label                      steps
a number becomes a size, a time, an age       numbers
text of the store becomes safe to show        printable
"""
