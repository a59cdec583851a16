"""The pieces of every screen: each draws values, none knows the engine.

rows of text that paint only changed rows             lines
a list of any length with a cursor; a form on it      rows, form
a titled frame                                        panel
the first row of a screen; status line and keys       bar, foot, keys
the log of a job                                      logpane
a line to type into; scroll bars                      entry, scrolling
"""
