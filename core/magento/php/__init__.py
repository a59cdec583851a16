"""PHP that configures a store: read here, or asked of php itself.

parse the file                                                     syntax
give literals, operators and known functions a value               expressions, operators, strings
the returned array                                                 read_array, values
an expression beyond this reader: a php process evaluates it        ask_php
"""
