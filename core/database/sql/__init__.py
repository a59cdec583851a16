"""The text of SQL, judged without a server. Whatever is not known to be allowed is refused.

split a dump into statements, DELIMITER and comments as clients do   split
cut a statement into tokens                                          tokens
say what it is; refuse it unless it is known                         allowed, statement
refuse what reaches another schema, a file or dynamic SQL            reach
follow SET statements without running them                           set_statements
take a table's text apart: columns, keys, constraints                table_text
replace collations the server lacks; replace definers                collations, definers
"""
