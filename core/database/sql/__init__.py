"""The text of SQL, judged without a server. A form that is not known to be allowed is refused.

split a dump into statements, DELIMITER and comments as clients do   split
cut a statement into tokens                                          tokens
classify it; refuse it unless it is known                            allowed, statement
refuse references to another schema, a file, or dynamic SQL          cross_schema_check
follow SET statements without running them                           set_statements
take a table's text apart: columns, keys, constraints                table_text
replace collations the server lacks; replace definers                collations, definers
"""
