"""Accounts: the owner of a store, and the remaining duties of root once the owner does the work.

find the owner without entering a place that others may exchange      walk, switch_account
refuse code and configuration that others may write                   installation
as root: start a process that gives files away; become the owner      keeper, drop_privileges, ids
         with a reduced environment, open files and no typing         environment, seccomp
         and record how, for all that must report it                  switch_record
ask the keeper for entries of another account, by descriptor          client, packets
         which a process of that account opens                        account_helper
limit the keeper to the places of the store                           store_boundary
open with own rights, else through the keeper                         open_via_helper
"""
